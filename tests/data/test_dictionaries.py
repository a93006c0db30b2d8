from __future__ import annotations

import numpy as np
import pytest
import torch

from iale import ActiveLearner, TrainingConfig
from iale.data._fields import unpack
from iale.data._fingerprint import fingerprint
from iale.data.dictionaries import DictSamples
from iale.data.samples import Samples
from iale.errors import DataError, UnreadableError

RNG = np.random.default_rng(0)
COLUMNS = {
    "ids": RNG.integers(0, 1 << 24, (9, 5)),
    "pixels": RNG.random((9, 2, 3)),
    "age": np.arange(9),
    "mask": RNG.random((9, 2)) < 0.5,
}


def test_what_goes_in_comes_out_by_name() -> None:
    rows = [{name: torch.from_numpy(np.asarray(values[i])) for name, values in COLUMNS.items()} for i in range(9)]
    order = torch.tensor([8, 0, 3])
    for samples in (DictSamples(COLUMNS), DictSamples(rows), DictSamples([{**row, "label": 1} for row in rows])):
        assert isinstance(samples, Samples)
        assert samples.shape == (14,)
        assert len(samples) == 9
        found = unpack(samples.batch(order), samples.fields)
        assert {name: str(value.dtype) for name, value in found.items()} == {
            "ids": "torch.int64",
            "pixels": "torch.float32",
            "age": "torch.int64",
            "mask": "torch.bool",
        }
        for name, values in COLUMNS.items():
            assert np.array_equal(found[name].numpy(), values[order.numpy()].astype(found[name].numpy().dtype))
        assert samples.batch(order[:0]).shape == (0, 14)
    assert fingerprint(DictSamples(rows)) == fingerprint(DictSamples(COLUMNS))


def test_fields_are_chosen() -> None:
    samples = DictSamples({**COLUMNS, "label": np.zeros(9), "text": ["a"] * 9}, fields=("age", "ids"))
    assert [field.name for field in samples.fields] == ["age", "ids"]


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ({}, "no samples"),
        ([], "no samples"),
        ([1, 2], "sample 0 is int: a dictionary of tensors was expected"),
        ({"ids": [[1, 2], [3]]}, "rows of different lengths: pad all samples to one length"),
        ({"text": ["a", "b"]}, "the field 'text' holds no numbers: name the fields that the model reads"),
        ({"a": [1, 2], "b": [1]}, "different numbers of samples"),
    ],
)
def test_what_holds_no_samples_is_refused(samples: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        DictSamples(samples)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"ids": [1, 2, 3]}, "'ids' of sample 1 has the shape .3,. and that of sample 0 .2,.: pad all samples"),
        ({"ids": [0.5, 1]}, "is of float64, unlike that of sample 0"),
        ({"ids": [True, False]}, "is of bool, unlike that of sample 0"),
        ({"ids": [1, (1 << 25) + 1]}, "'ids' of sample 1 has an integer beyond 16,777,216 that float32 cannot hold"),
        ({"other": [1, 2]}, "there is no field 'ids' in sample 1: the fields are other"),
        (3, "sample 1 is int"),
    ],
)
def test_a_sample_unlike_the_first_is_named(item: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        DictSamples([{"ids": [1, 2]}, item]).batch(torch.arange(2))


@pytest.mark.parametrize("rows", [False, True])
def test_every_sample_of_a_batch_that_is_not_finite_is_named(rows: bool) -> None:
    x, ids = np.array([[1.0], [np.nan], [2.0], [np.inf]]), np.arange(4)
    items = [{"ids": ids[row], "x": x[row]} for row in range(4)]
    samples = DictSamples(items if rows else {"ids": ids, "x": x})
    with pytest.raises(UnreadableError, match="'x' of sample 1 has a value that is NaN") as error:
        samples.batch(torch.tensor([2, 1, 0, 3]))
    assert list(error.value.reasons) == [1, 3]
    assert samples.batch(torch.tensor([2, 0])).tolist() == [[2.0, 2.0], [0.0, 1.0]]


def test_a_data_set_of_dictionaries_that_cannot_be_read_whole_is_asked_without_what_is_skipped() -> None:
    class Torn(list[dict[str, object]]):
        def __getitem__(self, row: int) -> dict[str, object]:  # type: ignore[override]
            if row % 5 == 3:
                raise OSError("the file is cut short")
            return {"x": [float(row), 1.0]}

    class Model(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x)

    learner = ActiveLearner(Model(2, 3), Torn([{}] * 20), "margin", training=TrainingConfig(epochs=1, device="cpu"))
    with pytest.raises(
        UnreadableError, match=r"sample .* of the data set cannot be read .OSError: the file is cut"
    ) as error:
        learner.ask(4)
    learner.skip(list(error.value.reasons))
    assert sorted(error.value.reasons) == [3, 8, 13, 18]
    assert len(learner.ask(4)) == 4
