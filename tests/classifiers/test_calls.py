"""What a model reads and returns: floats, bytes, token ids and named tensors; logits, objects and tuples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale import ActiveLearner, TorchClassifier, TrainingConfig
from iale.classifiers import FitJob
from iale.data.arrays import ArraySamples
from iale.data.dictionaries import DictSamples
from iale.errors import DataError, IaleWarning, ModelError

CPU = TrainingConfig(epochs=1, device="cpu")
IDS = np.random.default_rng(0).integers(1, 200, (40, 6))
ALL = torch.arange(40)


class Tokens(nn.Module):
    """Reads ids, as most models of texts do, and writes down what it saw."""

    def __init__(self, answer: Callable[[Tensor], object] = lambda logits: logits) -> None:
        super().__init__()
        self.words, self.head, self.answer = nn.Embedding(200, 4), nn.Linear(4, 3), answer

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> object:
        Tokens.saw = input_ids, attention_mask
        return self.answer(self.head(self.words(input_ids).mean(dim=1)))

    saw: tuple[Tensor, Tensor | None]


class Converts(Tokens):
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> object:
        return super().forward(input_ids.long())


class OneDictionary(Tokens):
    def forward(self, batch: Mapping[str, Tensor]) -> object:  # type: ignore[override]
        return super().forward(batch["input_ids"], batch["attention_mask"])


def ask(model: nn.Module, samples: object, strategy: str = "margin") -> list[int]:
    learner = ActiveLearner(model, samples, strategy, training=CPU)
    learner.tell([0, 1, 2], [0, 1, 2])
    return learner.ask(3)


@pytest.mark.parametrize("model", [Tokens, Converts])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_a_model_that_looks_ids_up_gets_them_as_they_are(model: type[Tokens], dtype: type) -> None:
    ask(model(), IDS.astype(dtype))
    fitted = TorchClassifier(model(), (6,), CPU).fitted()
    fitted.outputs(ArraySamples(IDS.astype(dtype)), ALL)
    assert torch.equal(Tokens.saw[0], torch.from_numpy(IDS))


def test_ids_that_are_no_whole_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="the model reads token ids, and an input is no whole number"):
        ask(Tokens(), IDS + 0.5)


def test_bytes_of_images_are_still_scaled() -> None:
    seen: list[float] = []

    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places, self.head = nn.Embedding(64, 1), nn.Linear(64, 2)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(float(x.max()))
            return self.head(x.flatten(1) + self.places(torch.arange(64)).flatten())  # type: ignore[no-any-return]

    ask_two = ActiveLearner(Positions(), np.full((9, 8, 8), 255, dtype=np.uint8), training=CPU)
    ask_two.tell([0, 1], [0, 1])
    ask_two.ask(2)
    assert seen[-1] == 1.0


MASK = (np.arange(6) < 4) * np.ones((40, 1), dtype=int)
FIELDS = ["input_ids", "attention_mask"]
BATCH = {"input_ids": IDS, "attention_mask": MASK, "labels": np.zeros(40, dtype=int)}


@pytest.mark.parametrize("model", [Tokens, OneDictionary])
@pytest.mark.parametrize("rows", [False, True])
def test_named_tensors_reach_the_model(model: type[Tokens], rows: bool) -> None:
    items = [{name: values[row] for name, values in BATCH.items()} for row in range(40)]
    samples = DictSamples(items if rows else BATCH)
    assert len(ask(model(), samples, "badge")) == 3
    TorchClassifier(model(), samples, CPU).fitted().outputs(samples, ALL.flip(0))
    assert all(map(torch.equal, Tokens.saw, (torch.from_numpy(IDS).flip(0), torch.from_numpy(MASK))))  # type: ignore[arg-type]


def test_a_dictionary_needs_no_wrapping() -> None:
    assert len(ask(Tokens(), BATCH)) == 3


def test_fields_that_the_model_does_not_take_are_named() -> None:
    samples = DictSamples({**BATCH, "token_type_ids": MASK})
    with pytest.raises(ModelError, match="does not take the fields input_ids, attention_mask, token_type_ids"):
        TorchClassifier(Tokens(), samples, CPU)


def test_a_field_for_a_model_of_one_tensor_is_told_its_name() -> None:
    head = nn.Sequential(nn.Linear(6, 3))
    message = r"a batch of image \(1, 6\) as one dictionary, which is its argument input .* as in {'input': array}"
    with pytest.raises(ModelError, match=message):
        ActiveLearner(head, {"image": IDS + 0.5})
    assert len(ask(head, {"input": IDS + 0.5})) == 3


def test_fields_in_another_order_are_not_taken_for_one_another() -> None:
    samples, turned = (DictSamples(BATCH, fields=names) for names in (FIELDS, FIELDS[::-1]))
    recipe = TorchClassifier(Tokens(), samples, CPU)
    job = FitJob(torch.arange(4), torch.tensor([0, 1, 2, 0]), 0)
    fitted = recipe.fit(samples, job)
    message = r"reads the fields input_ids \(int64 \(6,\)\), attention_mask .*, and these samples have attention_mask"
    for wrong in (
        lambda: recipe.fit(turned, job),
        lambda: fitted.outputs(turned, ALL),
        lambda: ActiveLearner(recipe, turned, "margin"),
    ):
        with pytest.raises(DataError, match=message):
            wrong()


@pytest.mark.parametrize(
    "answer",
    [
        lambda logits: SimpleNamespace(logits=logits, hidden_states=None),
        lambda logits: {"logits": logits, "loss": None},
        lambda logits: (logits, None),
    ],
)
def test_logits_are_found_in_what_models_return(answer: Callable[[Tensor], object]) -> None:
    plain, wrapped = (TorchClassifier(Tokens(a), (6,), CPU) for a in (lambda logits: logits, answer))
    assert wrapped.num_classes == 3
    wrapped._template.load_state_dict(plain._template.state_dict())
    samples = ArraySamples(IDS)
    torch.testing.assert_close(
        wrapped.fitted().outputs(samples, ALL).logits, plain.fitted().outputs(samples, ALL).logits
    )
    ask(Tokens(answer), IDS)


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        (lambda _: None, "NoneType"),
        (lambda logits: {"scores": logits, "hidden": None}, "a dictionary of scores, hidden"),
        (lambda _: (), "tuple"),
        (lambda logits: logits[0], r"a tensor of shape \(3,\)"),
    ],
)
def test_what_holds_no_logits_is_refused(answer: Callable[[Tensor], object], given: str) -> None:
    with pytest.raises(
        ModelError, match=rf"logits of shape \[batch, classes\], also for a batch of one, not {given}\."
    ):
        TorchClassifier(Tokens(answer), (6,), CPU)


class TimeFirst(nn.Module):
    """A common mistake: without batch_first=True, a recurrent layer takes the first dimension for the time."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.head = nn.LSTM(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.recurrent(x)[0][-1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", [TorchClassifier, ActiveLearner.from_fitted])
def test_a_model_that_takes_the_time_for_the_batch_is_refused(make: Callable[..., object]) -> None:
    sequences = DictSamples({"x": np.random.default_rng(0).normal(size=(40, 7, 5))})
    with pytest.raises(ModelError, match=r"gives 7 rows of logits for a batch of 1: .* batch_first=True"):
        make(TimeFirst(), sequences)


class Across(nn.Module):
    """The same mistake, with one row of logits for each sample."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        states = self.layer(x)
        return self.head((states[0] if isinstance(states, tuple) else states)[:, -1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        lambda first: nn.LSTM(4, 4, batch_first=first),
        lambda first: nn.GRU(4, 4, batch_first=first),
        lambda first: nn.TransformerEncoderLayer(4, 2, 8, batch_first=first),
    ],
)
def test_a_model_that_mixes_the_samples_of_a_batch_is_told(layer: Callable[[bool], nn.Module], first: bool) -> None:
    sequences = DictSamples({"x": np.random.default_rng(0).normal(size=(40, 7, 4))})
    if first:
        TorchClassifier(lambda: Across(layer(first)), sequences, CPU)
        return
    with pytest.warns(IaleWarning, match="change with the other samples of its batch, so choices are not") as told:
        TorchClassifier(lambda: Across(layer(first)), sequences, CPU)
    with pytest.warns(IaleWarning, match="change with the other samples") as again:
        ActiveLearner(lambda: Across(layer(first)), sequences, "margin", training=CPU)
    assert told[0].filename == again[0].filename == __file__


def test_logits_that_lose_rows_later_are_refused() -> None:
    model = Tokens(lambda logits: logits[:2])
    with pytest.raises(ModelError, match="gives 2 rows of logits for a batch of 3"):
        ask(model, IDS)


class ByKeyword(Tokens):
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> object:
        return self.head(input=self.words(input=input_ids.long()).mean(dim=1))


def test_layers_may_be_called_by_keyword() -> None:
    classifier = TorchClassifier(ByKeyword(), (6,), CPU)
    assert (classifier.embedding_dim, classifier.call.unscaled) == (4, True)
    assert len(ask(ByKeyword(), IDS, "badge")) == 3


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x).softmax(dim=1)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            nn.Sequential(nn.Linear(6, 3), nn.Softmax(1)),
            "returns probabilities .its last layer is Softmax.: return logits",
        ),
        (nn.Sequential(nn.Linear(6, 2), nn.Sigmoid()), "returns probabilities .its last layer is Sigmoid."),
        (Functional(), "the model returns probabilities: return logits, as iale applies the softmax itself"),
        (nn.Linear(6, 1), "the model returns one logit, but a classifier needs one for each class: return at least 2"),
        (nn.Sequential(nn.Linear(6, 1), nn.Sigmoid()), "one logit"),
    ],
)
def test_probabilities_and_single_logits_are_refused_at_once(model: nn.Module, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        TorchClassifier(model, (6,), CPU)


def test_logarithms_of_probabilities_are_as_good_as_logits() -> None:
    plain = nn.Linear(6, 3)
    logs = nn.Sequential(plain, nn.LogSoftmax(1))
    first, second = (TorchClassifier(m, (6,), CPU, reinitialize=False).fitted() for m in (plain, logs))
    samples = ArraySamples(IDS.astype(np.float32))
    torch.testing.assert_close(first.outputs(samples, ALL).probs, second.outputs(samples, ALL).probs)


IMAGES = np.random.default_rng(0).random((40, 4, 8, 8), dtype=np.float32)


def test_a_convolution_that_ends_in_one_value_a_class_gives_embeddings() -> None:
    model = nn.Sequential(nn.Conv2d(4, 7, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(7, 3, 1), nn.Flatten())
    classifier = TorchClassifier(model, (4, 8, 8), CPU, reinitialize=False)
    outputs = classifier.fitted().outputs(ArraySamples(IMAGES, channels="first"), ALL)
    assert outputs.embeddings.shape == (40, 7)
    last: Any = model[2]
    torch.testing.assert_close(outputs.embeddings @ last.weight.flatten(1).T + last.bias, outputs.logits)
    assert len(ask(model, ArraySamples(IMAGES, channels="first"), "badge")) == 3


def test_without_embeddings_only_strategies_that_compare_them_are_refused() -> None:
    pooled = nn.Sequential(nn.Conv2d(4, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    samples = ArraySamples(IMAGES, channels="first")
    assert TorchClassifier(pooled, (4, 8, 8), CPU).embedding_dim == 0
    assert len(ask(pooled, samples)) == 3
    for strategy in ("badge", "coreset"):
        with pytest.raises(ModelError, match=f"{strategy} compares embeddings, .* pass embedding_layer"):
            ActiveLearner(pooled, samples, strategy, training=CPU)
    assert len(ActiveLearner(pooled, samples, "badge", training=CPU, embedding_layer="1").ask(2)) == 2


def test_a_module_that_keeps_features_of_an_earlier_pass_is_copied() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.head = nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.features = self.trunk(x)
            return self.head(self.features)  # type: ignore[no-any-return]

    model = Keeps()
    model(torch.rand(2, 6))
    assert len(ask(model, IDS.astype(np.float32))) == 3
    assert model.features.grad_fn is not None  # the user's own is as it was
