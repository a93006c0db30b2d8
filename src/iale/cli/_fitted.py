"""What `iale query --fitted` looks through: what `iale export` wrote, as its card says, or what the user names."""

from __future__ import annotations

from pathlib import Path

from iale import _storage as storage
from iale._model import chosen_model
from iale.classifiers._fixed import FixedClassifier, load_fitted
from iale.classifiers.heads import LinearHead
from iale.cli._output import say
from iale.cli._views import View, Views
from iale.data._pictures import PHOTO_SIZE
from iale.data.images import FolderSamples
from iale.data.samples import SampleKind, Samples
from iale.data.splits import Subset
from iale.data.table_config import TableConfig
from iale.data.unlabeled import kind_of, load_unlabeled
from iale.errors import ConfigError, DataError
from iale.geometry.embeddings import PointSamples
from iale.geometry.encoders import Encoder, find_encoder
from iale.labeling.fitting._inputs import Expected
from iale.labeling.fitting.saved import SavedClassifier, load_classifier
from iale.recipe import AUTO, RecipeConfig, classifier_of

_NOUNS: dict[SampleKind, str] = {"image": "images", "text": "texts", "row": "rows of numbers"}


def weights_at(path: Path) -> Path:
    """The file of weights at a path, or in a folder that `iale export` wrote; ConfigError if there is none."""
    file = path / "weights.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f"there is no file {file}: --fitted takes a .safetensors file, or the folder that iale export --to "
            f"classifier wrote."
        )
    return file


def find_saved(weights: Path, recipe: RecipeConfig, classes: tuple[str, ...]) -> SavedClassifier | None:
    """The classifier whose weights these are, if `iale export` wrote them with a card; None if not.

    Raises ConfigError if the user names another model, layer or classes than the card.
    """
    path = weights.parent / "card.json"
    card = storage.read_json(path) if path.is_file() else {}
    if "inputs" not in card or card.get("weights_sha256") != storage.sha256(storage.read_bytes(weights)):
        return None
    saved = load_classifier(weights, recipe.training)
    for what, given, known in (
        ("classifier", recipe.model or recipe.classifier.replace(AUTO, ""), saved.name),
        ("embedding layer", recipe.embedding_layer, saved.fitted.recipe.embedding_layer),
        ("classes", ",".join(classes), ",".join(saved.classes)),
    ):
        if given and given != known:
            raise ConfigError(f"the card beside {weights} says {what} {known}, and {given} was named: leave that out.")
    return saved


def open_views(
    saved: SavedClassifier | None,
    path: Path,
    recipe: RecipeConfig,
    table: TableConfig,
    encoder: Encoder | None = None,
    *,
    fits: bool = True,
    neighbors: int = 0,
) -> Views:
    """The samples at ``path``, made as those that the saved classifier learned from; DataError if they are others.

    Photos get the size that the ``encoder`` wants. Without one, photos of several sizes become small ones, if nobody
    reads them or a classifier ``fits`` what it gets. Points are averaged with their ``neighbors``, unless the
    classifier is saved.
    """
    if saved is None or recipe.embeddings is not None:
        mixed = PHOTO_SIZE if fits or recipe.embeddings is not None else None
        size = recipe.size or (encoder.size if encoder is not None and path.is_dir() else None)
        samples, names = load_unlabeled(path, size=size, mixed=mixed, table=table, say=say)
        if encoder is not None:
            encoder.check(kind_of(samples))
        elif isinstance(samples, FolderSamples) and samples.sizes > 1 and not (recipe.size or recipe.embeddings):
            height, width = samples.shape[1:]
            say(
                f"the images have {samples.sizes} sizes, so the model sees them in {height} x {width} pixels; "
                f"--resize HEIGHT,WIDTH sets another size"
            )
        views = Views(samples, names, recipe.embeddings, encoder, neighbors)
    else:
        encoder = None if saved.encoder is None else find_encoder(saved.encoder, recipe.training.device)
        size = encoder.size if recipe.size is None and encoder is not None and path.is_dir() else recipe.size
        views = Views(*saved.expects.load(path, size=size, table=table, say=say), None, encoder)
    if saved is not None:
        _check(saved, views, path)
    return views


def fixed(
    saved: SavedClassifier | None, weights: Path, recipe: RecipeConfig, view: View, classes: int
) -> tuple[Samples, FixedClassifier]:
    """What a fitted classifier reads, and the classifier: the saved one, or that of the recipe with the weights."""
    if saved is not None:
        return Subset(saved.seen(view.inputs.samples), view.inputs.indices), FixedClassifier(saved.fitted)
    model = chosen_model(recipe, view.inputs, view.kind)
    made = classifier_of(model.recipe, model.kind, model.inputs, classes)
    return model.inputs, load_fitted(made.recipe if isinstance(made, LinearHead) else made, weights)


def _check(saved: SavedClassifier, views: Views, path: Path) -> None:
    """Raises DataError for samples, or embeddings of them, that are not what the classifier learned from."""
    expects, given, hint = saved.expects, views.samples, "give those"
    if views.embeddings is not None:
        given, hint = PointSamples(views.embeddings), "leave the embeddings out"
        if saved.encoder is not None:  # its vectors may have been made before
            expects = Expected("row", saved.shape, bytes=False, files=False)
    elif expects.kind == "row":
        hint = "name their --embeddings if it learned from those"
    if (kind := kind_of(given)) != expects.kind:
        what = "the embeddings are" if views.embeddings is not None else f"{path} holds"
        raise DataError(f"the classifier learned from {_NOUNS[expects.kind]}, and {what} {_NOUNS[kind]}: {hint}.")
    if saved.encoder is None or views.embeddings is not None:  # an encoder takes images of any size
        expects.samples(given)
