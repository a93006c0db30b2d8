"""What a learner is given by mistake: it is refused in a sentence, and never taken for something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from iale import ActiveLearner, ArraySamples, TorchClassifier, TrainingConfig
from iale.classifiers import LinearHead, build_classifier
from iale.errors import ConfigError, DataError, IaleError, ModelError
from iale.strategies import Margin

ROWS = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
TRAINING = TrainingConfig(epochs=2, device="cpu")


def learner(model: Any = None, **options: Any) -> ActiveLearner:
    made = ActiveLearner(model or nn.Linear(4, 3), ROWS, "margin", **{"training": TRAINING, **options})
    made.tell([0, 1, 2], [0, 1, 2])
    return made


class NeedsClasses(nn.Linear):
    def __init__(self, classes: int) -> None:
        super().__init__(4, classes)


class Detached(nn.Linear):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).detach()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (NeedsClasses, r"cannot be made without arguments \(TypeError: .*'classes'\): pass one, or a function"),
        (lambda: nn.Linear(4, -3), r"cannot be made without arguments \(RuntimeError: "),
        (LogisticRegression, "the function made LogisticRegression: a torch.nn.Module was expected"),
        (lambda: None, "the function made NoneType: a torch.nn.Module was expected"),
        (nn.Linear(4, 3).double(), r"inputs are float32 and its weights float64: call model\.float\(\)"),
        (
            TorchClassifier(nn.Linear(5, 3), (5,)),
            r"reads inputs of shape \(5,\), and the samples have the shape \(4,\)",
        ),
        (LinearHead(ArraySamples(ROWS[:, 1:]), 3), r"reads inputs of shape \(3,\)"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_at_once(model: object, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        learner(model)


class Sequences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(self.first(x)[0][:, -1])
        return logits


def test_sequences_are_named_because_an_array_of_three_dimensions_is_images() -> None:
    series = np.random.default_rng(2).normal(size=(30, 7, 4)).astype("float32")
    with pytest.raises(ModelError, match=r"pass sequences by their name in forward, as {'x': array}"):
        ActiveLearner(Sequences(), series)
    one = ActiveLearner(Sequences(), {"x": series}, training=TRAINING)
    one.tell([0, 1, 2], [0, 1, 2])
    assert len(one.ask(4)) == 4


def test_a_class_is_no_strategy() -> None:
    with pytest.raises(ConfigError, match=r"Margin is a class, and a strategy was expected: Margin\(…\) makes one"):
        ActiveLearner(nn.Linear(4, 3), ROWS, Margin)  # type: ignore[arg-type]


def test_logits_that_no_weight_changes_cannot_be_fitted() -> None:
    one = learner(Detached(4, 3))
    with pytest.raises(ModelError, match=r"do not depend on its weights, as with detach\(\)"):
        one.ask(1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"training": {"epochs": 3}}, r"expected a TrainingConfig, such as .*not {'epochs': 3}"),
        ({"training": 0}, "expected a TrainingConfig"),
        ({"reinitialize": "no"}, "reinitialize is True or False, not 'no'"),
        ({"subset_size": 5.0}, r"must be at least 1, not 5\.0: give an integer"),
        ({"subset_size": "all"}, "must be at least 1, not 'all': give an integer"),
        ({"seed": 1.5}, r"a seed is an integer, not 1\.5"),
        ({"seed": None}, "a seed is an integer, not None"),
        ({"num_classes": "3"}, "the model has 3 logits, but num_classes is '3'"),
    ],
)
def test_an_option_of_another_type_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(IaleError, match=said):
        learner(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": "3"}, "epochs must be an integer, not '3'"),
        ({"epochs": 2.0}, r"epochs must be an integer, not 2\.0"),
        ({"batch_size": None}, "batch size must be an integer, not None"),
        ({"prediction_batch_size": 7.5}, r"prediction batch size must be an integer, not 7\.5"),
        ({"learning_rate": "1e-3"}, "learning rate must be a number, not '1e-3'"),
        ({"weight_decay": None}, "weight decay must be a number, not None"),
        ({"class_weights": {1: 0.5, 2: 0.5}}, "one number above 0 for each class, not {1"),
        ({"class_weights": 3}, "one number above 0 for each class, not 3"),
        ({"class_weights": ["1", "2"]}, "one number above 0 for each class"),
    ],
)
def test_how_a_model_is_trained_is_checked_before_it_is(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainingConfig(**options)


def test_class_weights_may_be_an_array() -> None:
    assert TrainingConfig(class_weights=np.array([1, 2])).class_weights == (1.0, 2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("no", [False, 0, np.False_])
def test_whatever_is_false_keeps_the_weights(no: Any) -> None:
    module = nn.Linear(4, 3)
    first = TorchClassifier(module, (4,), reinitialize=no).initial_module(None)  # type: ignore[arg-type]
    assert torch.equal(first.get_parameter("weight"), module.weight)


@pytest.mark.parametrize("k", [3.0, None, "3", np.array([3]), [3]])
def test_a_number_of_samples_is_an_integer(k: Any) -> None:
    with pytest.raises(ConfigError, match="samples were asked for, but 27 are unlabeled: ask for 1 to 27"):
        learner().ask(k)
    assert len(learner().ask(np.int32(3))) == 3


@pytest.mark.parametrize(
    ("name", "value"), [("strategy", "badge"), ("subset_size", 5), ("seed", 1), ("geometry", ROWS)]
)
def test_a_learner_is_not_changed_in_silence(name: str, value: object) -> None:
    """What it was made of was read when it was made."""
    one = learner()
    with pytest.raises(ConfigError, match=f"the {name} of a learner cannot be changed: make another"):
        setattr(one, name, value)


@pytest.mark.parametrize(
    "model", [lambda: nn.Linear(4, 3), LogisticRegression(), None, TorchClassifier(nn.Linear(4, 3), (4,))]
)
def test_only_a_module_is_trained_already(model: Any) -> None:
    with pytest.raises(ModelError, match="expected a PyTorch module that is trained"):
        ActiveLearner.from_fitted(model, ROWS)


class Own:
    """A user's own class of samples."""

    shape, dtype = (4,), torch.float32

    def __init__(self, read: Callable[[Tensor], Any]) -> None:
        self.batch = read

    def __len__(self) -> int:
        return 30


X = torch.from_numpy(ROWS)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda rows: ROWS[rows.numpy()], "gives ndarray for two samples"),
        (
            lambda rows: X[rows].double(),
            r"gives torch.float64 of shape \(2, 4\) .* say torch.float32 of shape \(2, 4\)",
        ),
        (lambda rows: X[rows].long(), "gives torch.int64 of shape"),
        (lambda rows: X[rows][:-1], r"gives torch.float32 of shape \(1, 4\)"),
        (lambda rows: X[rows][:, :3], r"gives torch.float32 of shape \(2, 3\)"),
        (lambda rows: X[rows].clone().requires_grad_(), "with a gradient"),
        (lambda rows: X[rows.sort()[0]], "keep their order"),
        (lambda rows: X[rows] - X[rows].mean(dim=0), "keep their order"),
        (lambda rows: X[rows + 30], r"fails \(IndexError: .*: correct it"),
    ],
)
def test_a_class_of_samples_that_is_not_what_it_says(read: Callable[[Tensor], Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        ActiveLearner(nn.Linear(4, 3), Own(read))
    assert ActiveLearner(nn.Linear(4, 3), Own(lambda rows: X[rows]), seed=3).ask(4) == learner_of_rows().ask(4)


def learner_of_rows() -> ActiveLearner:
    return ActiveLearner(nn.Linear(4, 3), ROWS, seed=3)


def test_a_class_of_samples_that_lacks_something_is_told_so() -> None:
    class Short:
        shape = (4,)

        def batch(self, rows: Tensor) -> Tensor:
            return X[rows]

    with pytest.raises(DataError, match="Short holds no samples: its class has a batch, and lacks dtype, __len__"):
        ActiveLearner(nn.Linear(4, 3), Short())


@pytest.mark.parametrize("shape", [ROWS, 4, (4.0,), ("4",)])
def test_the_shape_of_an_input_is_a_tuple_of_integers(shape: Any) -> None:
    with pytest.raises(ModelError, match=r"the shape of one input is a tuple such as \(3, 32, 32\)"):
        TorchClassifier(nn.Linear(4, 3), shape)
    assert LinearHead(ROWS, 3).embedding_dim == 4


def test_channels_are_first_or_last() -> None:
    with pytest.raises(DataError, match="channels are 'first' or 'last', not 'Last'"):
        ArraySamples(np.zeros((5, 8, 8, 3)), channels="Last")  # type: ignore[arg-type]


BYTES = np.random.default_rng(1).integers(0, 256, size=(30, 2, 2), dtype=np.uint8)


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))


@pytest.mark.parametrize(
    "make", [network, lambda: LinearHead(BYTES, 3), lambda: build_classifier("mlp", ArraySamples(BYTES), 3)]
)
def test_bytes_and_other_numbers_are_not_mixed_in_silence(make: Callable[[], Any]) -> None:
    """Only bytes are scaled to 0 … 1: floats up to 255 would be 255 times as large as what was learned from."""
    one = ActiveLearner(make(), BYTES, "margin", training=TRAINING)
    one.tell(range(9), np.arange(9) % 3)
    for other in (BYTES.astype("float32"), BYTES.astype("uint16")):
        with pytest.raises(
            DataError, match=r"fitted to inputs of torch\.uint8, and these are torch\.float32: give both"
        ):
            one.fit().outputs(other, range(5))  # type: ignore[arg-type]
    assert len(one.fit().outputs(BYTES, range(5))) == 5  # type: ignore[arg-type]


def test_a_head_is_fitted_to_the_type_that_it_was_made_for() -> None:
    one = ActiveLearner(LinearHead(BYTES, 3), BYTES.astype("float32"), "margin")
    one.tell(range(9), np.arange(9) % 3)
    with pytest.raises(
        DataError, match=r"made for inputs of torch\.uint8, and these are torch\.float32: make it for these"
    ):
        one.ask(1)


@pytest.mark.parametrize("some", [list, tuple, np.array, range, torch.tensor])
def test_outputs_are_computed_for_arrays_and_lists_of_indices(some: Callable[[Any], Any]) -> None:
    fitted = learner().fit()
    outputs = fitted.outputs(ROWS, range(4) if some is range else some([0, 1, 2, 3]))  # type: ignore[arg-type]
    assert torch.equal(outputs.logits, fitted.outputs(ArraySamples(ROWS), torch.arange(4)).logits)
    with pytest.raises(DataError, match="indices must be a list of integers"):
        fitted.outputs(ArraySamples(ROWS), ["0"])  # type: ignore[arg-type]
