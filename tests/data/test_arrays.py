"""ArraySamples against plain indexing of the same array."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iale.data._layout import memory_map
from iale.data.arrays import ArraySamples
from iale.data.samples import Samples
from iale.errors import DataError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 7), (7,)),
        ((5, 6, 7), (1, 6, 7)),
        ((5, 6, 7, 3), (3, 6, 7)),
        ((5, 6, 7, 1), (1, 6, 7)),
        ((5, 6, 7, 4), (4, 6, 7)),
        ((5, 3, 6, 7), (3, 6, 7)),
        ((5, 2, 6, 7), (2, 6, 7)),
    ],
)
def test_layouts(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    array = RNG.integers(0, 256, shape, dtype=np.uint8)
    samples = ArraySamples(array)
    assert isinstance(samples, Samples)
    assert (len(samples), samples.shape) == (5, expected)
    batch = samples.batch(torch.tensor([4, 0, 4]))
    assert batch.dtype == samples.dtype == (torch.float32 if len(shape) == 2 else torch.uint8)
    assert batch.shape == (3, *expected)
    rows = array[[4, 0, 4]]
    if shape[-1] in (1, 3, 4):
        rows = np.moveaxis(rows, -1, 1)
    np.testing.assert_array_equal(batch.numpy(), rows.reshape(3, *expected))


def test_ambiguous_channels_are_asked_for() -> None:
    array = RNG.integers(0, 256, (5, 3, 8, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="channels='first'"):
        ArraySamples(array)
    assert ArraySamples(array, channels="first").shape == (3, 8, 3)
    last = ArraySamples(array, channels="last")
    assert last.shape == (3, 3, 8)
    np.testing.assert_array_equal(last.batch(torch.tensor([2])).numpy()[0], array[2].transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", "<i2", ">i8", "<u2", "?"])
def test_other_numbers_become_float32_with_their_value(dtype: str) -> None:
    array = RNG.integers(0, 100, (6, 4)).astype(dtype)
    batch = ArraySamples(array).batch(torch.tensor([5, 1]))
    assert batch.dtype == torch.float32
    np.testing.assert_array_equal(batch.numpy(), array[[5, 1]].astype(np.float64))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.bfloat16, torch.int64])
def test_tensors(dtype: torch.dtype) -> None:
    tensor = torch.arange(24).reshape(4, 2, 3).to(dtype).requires_grad_(dtype.is_floating_point)
    batch = ArraySamples(tensor).batch(torch.tensor([3]))
    assert batch.dtype == (torch.uint8 if dtype == torch.uint8 else torch.float32)
    assert torch.equal(batch, tensor.detach()[3:, None].to(batch.dtype))


@pytest.mark.parametrize("dtype", ["<i4", ">i8", "<u4", ">u8", "<i8"])
def test_integers_keep_their_value_or_are_refused(dtype: str, tmp_path: Path) -> None:
    """Against Python's integers, which are exact."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    near = [base + step for base in (0, 2**24, 2**25, 2**31, 2**53, 2**63, most) for step in range(-3, 4)]
    far = [int(value) << shift for value in RNG.integers(0, 2**25, 40) for shift in (0, 3, 38)]
    for value in {sign * value for value in (*near, *far, least) for sign in (1, -1) if least <= sign * value <= most}:
        array = np.array([[0, 1], [2, value], [3, 4]], dtype)
        np.save(tmp_path / "x.npy", array)
        if int(np.float32(value)) == value:
            assert int(ArraySamples(array).batch(torch.tensor([1]))[0, 1]) == value
        else:
            with pytest.raises(DataError, match="sample 1 has an integer beyond 16,777,216 that float32 cannot hold"):
                ArraySamples(array)
            mapped = ArraySamples(np.load(tmp_path / "x.npy", mmap_mode="r"))
            with pytest.raises(DataError, match="sample 1 has an integer"):
                mapped.batch(torch.tensor([2, 1]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite_name_the_sample(bad: float, tmp_path: Path) -> None:
    array = np.zeros((9, 3, 2), dtype=np.float64)
    array[6, 1, 1] = bad
    with pytest.raises(DataError, match="sample 6 "):
        ArraySamples(array)
    np.save(tmp_path / "x.npy", array)
    mapped = ArraySamples(np.load(tmp_path / "x.npy", mmap_mode="r"))  # checked when it is read
    assert mapped.batch(torch.tensor([0, 5, 8])).shape == (3, 1, 3, 2)
    with pytest.raises(DataError, match="sample 6 "):
        mapped.batch(torch.tensor([8, 6]))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3),
        np.zeros((0, 4)),
        np.zeros((3, 0)),
        np.zeros((1, 1, 1, 1, 1)),
        np.zeros((2, 2), dtype=complex),
        np.array([["a"]]),
        np.array([[None]]),
        [[1.0]],
    ],
)
def test_what_is_no_array_of_samples(array: Any) -> None:
    with pytest.raises(DataError):
        ArraySamples(array)


@pytest.mark.parametrize("indices", [[0, 3], [-1], [10**12]])
def test_indices_out_of_range(indices: list[int]) -> None:
    with pytest.raises(DataError, match=f"sample {indices[-1]} does not exist"):
        ArraySamples(np.zeros((3, 2))).batch(torch.tensor(indices))


@pytest.mark.parametrize("indices", [torch.tensor([True, False, True]), torch.tensor([0.0])])
def test_indices_that_are_no_integers(indices: torch.Tensor) -> None:
    with pytest.raises(DataError, match="int64"):
        ArraySamples(np.zeros((3, 2))).batch(indices)


def test_an_array_is_neither_copied_nor_changed() -> None:
    array = RNG.integers(0, 256, (50, 4, 4), dtype=np.uint8)
    before = array.copy()
    samples = ArraySamples(array)
    samples.batch(torch.arange(50)).zero_()
    np.testing.assert_array_equal(array, before)
    assert np.shares_memory(samples._array, array)


@pytest.mark.parametrize("view", ["whole", "rows", "strided", "ndarray", "fortran"])
def test_memory_maps_are_pickled_as_their_place(view: str, tmp_path: Path) -> None:
    array = RNG.standard_normal((4000, 5, 6)).astype(np.float32)
    np.save(tmp_path / "x.npy", np.asfortranarray(array) if view == "fortran" else array)
    mapped: np.ndarray = np.load(tmp_path / "x.npy", mmap_mode="r")
    if view == "rows":
        mapped, array = mapped[100:200], array[100:200]
    elif view == "strided":
        mapped, array = mapped[1::3, :, ::2], array[1::3, :, ::2]
    elif view == "ndarray":
        mapped = np.asarray(mapped)
    data = pickle.dumps(ArraySamples(mapped))
    assert len(data) < 2000
    again = pickle.loads(data)
    assert memory_map(again._array) is not None
    assert pickle.loads(pickle.dumps(again)).shape == (1, *array.shape[1:])
    indices = torch.tensor([3, len(array) - 1, 0])
    np.testing.assert_array_equal(again.batch(indices).numpy()[:, 0], array[indices.numpy()])


def test_a_memory_map_whose_file_went_away(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((10, 3), dtype=np.float32))
    data = pickle.dumps(ArraySamples(np.load(tmp_path / "x.npy", mmap_mode="r")))
    (tmp_path / "x.npy").write_bytes(b"short")
    with pytest.raises(DataError, match=r"x\.npy"):
        pickle.loads(data)
    np.save(tmp_path / "x.npy", np.ones((10, 3), dtype=np.float32))  # what is there now is something else
    with pytest.raises(DataError, match=r"x\.npy was replaced"):
        pickle.loads(data)


def test_changes_of_a_map_that_copies_on_write_are_kept(tmp_path: Path) -> None:
    """They are not in its file."""
    np.save(tmp_path / "x.npy", np.ones((10, 3), dtype=np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c")
    before = ArraySamples(mapped).fingerprint()
    mapped *= 2
    samples = ArraySamples(mapped)
    assert samples.fingerprint() != before
    assert pickle.loads(pickle.dumps(samples)).batch(torch.tensor([4])).tolist() == [[2, 2, 2]]


def test_arrays_in_memory_can_be_pickled() -> None:
    array = RNG.integers(0, 256, (5, 4, 4), dtype=np.uint8)
    again = pickle.loads(pickle.dumps(ArraySamples(array)))
    np.testing.assert_array_equal(again.batch(torch.arange(5))[:, 0].numpy(), array)


def test_a_sparse_file_larger_than_memory_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # 1 TiB that takes no space
    big = np.memmap(path, dtype=np.float32, mode="r", shape=(1 << 30, 16, 16))
    samples = ArraySamples(big)
    assert samples.batch(torch.tensor([(1 << 30) - 1, 7])).abs().sum() == 0


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5),
    ),
    st.data(),
)
def test_a_batch_is_its_rows(array: np.ndarray, data: st.DataObject) -> None:
    try:
        samples = ArraySamples(array)
    except DataError:
        with np.errstate(over="ignore"):
            finite = np.isfinite(array.astype(np.float32)).all()
        assert not finite or (array.ndim == 4 and array.shape[1] in (1, 3, 4) and array.shape[3] in (1, 3, 4))
        return
    indices = data.draw(st.lists(st.integers(0, len(array) - 1), max_size=6))
    batch = samples.batch(torch.tensor(indices, dtype=torch.int64))
    assert batch.shape == (len(indices), *samples.shape)
    for place, index in enumerate(indices):
        row = array[index].astype(batch.numpy().dtype)
        if array.ndim == 4 and array.shape[3] in (1, 3, 4):
            row = np.moveaxis(row, -1, 0)
        np.testing.assert_array_equal(batch[place].numpy(), row.reshape(samples.shape))
