"""``sentence-transformers:MODEL``: texts through a Sentence Transformer (Reimers & Gurevych 2019)."""

from __future__ import annotations

from typing import cast

from numpy.typing import ArrayLike

from iale.classifiers.base import resolve_device
from iale.geometry.encoders import Encoder
from iale.integrations.embed._loading import identity, library, loading


def load(model: str, device: str) -> Encoder:
    """Embeddings of texts; ``model`` is a name of the Hugging Face hub, or a folder."""
    package = library("sentence_transformers", "sentence-transformers")
    name, where = f"sentence-transformers:{model}", resolve_device(device)
    with loading(name):
        network = package.SentenceTransformer(model, device=str(where))

    def encode(texts: list[str]) -> ArrayLike:
        return cast(ArrayLike, network.encode(texts, show_progress_bar=False, convert_to_numpy=True))

    version = f"sentence-transformers {package.__version__}"
    words = getattr(getattr(network, "tokenizer", None), "backend_tokenizer", None)
    told = identity(name, version, network.state_dict(), network, "" if words is None else words.to_str())
    return Encoder(name, told, encode, ("text",))
