"""Image folders and encoded images against Pillow's own reading."""

import contextlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from iale.data._pictures import decode, read_header
from iale.data.catalog import load_dataset
from iale.data.images import EncodedSamples, FolderSamples
from iale.data.samples import Samples
from iale.data.splits import Subset
from iale.data.unlabeled import load_unlabeled
from iale.errors import DataError, UnreadableError

RNG = np.random.default_rng(0)


def picture(*shape: int) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for name in ("b/2.png", "a/x/1.png", "b/10.png", "a/0.PNG", "c c/ü.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(6, 5, 3).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("passed over")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "b" / "._2.png").write_bytes(b"passed over")
    return tmp_path


def test_class_folders(classes: Path) -> None:
    samples = FolderSamples(classes)
    assert isinstance(samples, Samples)
    assert samples.names == ["a/0.PNG", "a/x/1.png", "b/10.png", "b/2.png", "c c/ü.png"]
    assert samples.classes == ("a", "b", "c c")
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 0, 1, 1, 2]
    assert (len(samples), samples.shape) == (5, (3, 6, 5))
    batch = samples.batch(torch.tensor([4, 1]))
    for row, name in zip(batch, ["c c/ü.png", "a/x/1.png"], strict=True):
        np.testing.assert_array_equal(row.numpy(), np.asarray(Image.open(classes / name)).transpose(2, 0, 1))
    again = pickle.loads(pickle.dumps(samples))
    assert torch.equal(again.batch(torch.tensor([4, 1])), batch)


def test_a_flat_folder_is_unlabeled(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        picture(6, 5).save(tmp_path / name)
    samples = FolderSamples(tmp_path)
    assert (samples.names, samples.labels, samples.classes) == (["a.png", "b.png"], None, ())
    assert samples.shape == (1, 6, 5)


def test_one_image_with_colors_gives_all_three_channels_unless_a_mode_is_given(tmp_path: Path) -> None:
    picture(6, 5).save(tmp_path / "a.png")
    assert FolderSamples(tmp_path).shape == (1, 6, 5)
    picture(6, 5, 3).save(tmp_path / "b.png")
    both = FolderSamples(tmp_path).batch(torch.tensor([0, 1]))
    assert both.shape == (2, 3, 6, 5)
    assert torch.equal(both[0, 0], both[0, 2])
    np.testing.assert_array_equal(both[1].numpy(), np.asarray(Image.open(tmp_path / "b.png")).transpose(2, 0, 1))
    assert FolderSamples(tmp_path, mode="L").batch(torch.tensor([0, 1])).shape == (2, 1, 6, 5)


def test_colors_that_no_header_showed_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iale.data._headers._MOST", 3)
    for number in range(9):
        picture(6, 5, *[3] * (number == 2)).save(tmp_path / f"{number}.png")
    samples = FolderSamples(tmp_path)
    assert samples.batch(torch.tensor([0, 1, 3])).shape == (3, 1, 6, 5)
    with pytest.raises(UnreadableError, match=r"2\.png has colors, and none of the 3 images") as caught:
        samples.batch(torch.arange(9))
    assert list(caught.value.reasons) == [2]
    assert FolderSamples(tmp_path, mode="L").batch(torch.arange(9)).shape == (9, 1, 6, 5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_kind_of_8_bit_image(mode: str, tmp_path: Path) -> None:
    image = picture(6, 5, 3).convert(mode)
    kind = {"CMYK": "tiff", "YCbCr": "tiff"}.get(mode, "png")
    image.save(tmp_path / f"x.{kind}")
    gray = mode in ("1", "L", "LA")
    expected = np.asarray(image.convert("L" if gray else "RGB"))
    assert FolderSamples(tmp_path).shape == (1 if gray else 3, 6, 5)
    got = FolderSamples(tmp_path).batch(torch.tensor([0]))[0].numpy()
    np.testing.assert_array_equal(got, expected[None] if gray else expected.transpose(2, 0, 1))


def test_a_palette_with_transparency(tmp_path: Path) -> None:
    image = picture(6, 5, 3).convert("P")
    image.save(tmp_path / "x.png", transparency=bytes(range(256)))
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode(tmp_path / "x.png", "x", "RGB").numpy(), expected)


def test_deep_images_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 5), 40000, dtype=np.uint16)).save(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x\.png has more than 8 bits"):
        FolderSamples(tmp_path)


def test_sizes_must_agree_or_be_given(tmp_path: Path) -> None:
    picture(6, 5).save(tmp_path / "a.png")
    tall = picture(9, 4)
    tall.save(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"have 2 sizes, as 6 x 5 \(a\.png\) and 9 x 4 \(b\.png\): give a size"):
        FolderSamples(tmp_path)
    samples = FolderSamples(tmp_path, size=(3, 2))
    expected = np.asarray(tall.resize((2, 3), Image.Resampling.BILINEAR))
    assert samples.shape == (1, 3, 2)
    np.testing.assert_array_equal(samples.batch(torch.tensor([1]))[0, 0].numpy(), expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_large_jpeg_is_decoded_small(mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.linspace(0, 255, 1024)
    photo = np.stack([np.add.outer(ramp, ramp) / 2, np.subtract.outer(ramp, ramp) / 2 + 127, np.tile(ramp, (1024, 1))])
    image = Image.fromarray(photo.transpose(1, 2, 0).astype(np.uint8))
    (tmp_path / "x.jpg").write_bytes(encoded(image, "jpeg", quality=95))
    decoded = []
    resize = Image.Image.resize

    def spy(self: Image.Image, *args: Any, **more: Any) -> Image.Image:
        decoded.append(self.size)
        return resize(self, *args, **more)

    monkeypatch.setattr(Image.Image, "resize", spy)
    got = FolderSamples(tmp_path, size=(64, 64), mode=mode).batch(torch.tensor([0]))[0].float().numpy()
    assert decoded[-1] == (128, 128)
    whole = np.asarray(resize(image.convert(mode), (64, 64), Image.Resampling.BOX), dtype=np.float32)
    assert np.abs(got - (whole[None] if mode == "L" else whole.transpose(2, 0, 1))).mean() < 2


def test_what_cannot_be_read_names_the_file(tmp_path: Path) -> None:
    whole = encoded(picture(40, 40, 3), "png")
    (tmp_path / "0.png").write_bytes(whole)
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.png").write_bytes(b"not an image at all")
    (tmp_path / "3.png").symlink_to(tmp_path / "absent.png")
    (tmp_path / "4.png").touch()
    (tmp_path / "5.png").symlink_to("5.png")
    samples = FolderSamples(tmp_path)
    assert samples.names == ["0.png", "1.png", "2.png"]
    assert list(samples.unreadable) == [2]
    assert samples.passed_over == "passed over: empty files (1), links that lead out of the folder or nowhere (2)."
    assert len(samples.listing()) == 3
    assert "'4.png': empty files" in samples.listing()[0]
    for row in (1, 2):
        with pytest.raises(DataError, match=rf"{row}\.png is not a readable image") as caught:
            samples.batch(torch.tensor([0, row]))
        assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableError, match=r"1\.png .* The same goes for 1 more") as many:
        samples.batch(torch.tensor([0, 1, 2]))
    assert sorted(many.value.reasons) == [1, 2]
    with pytest.raises(UnreadableError) as inside:
        Subset(samples, torch.tensor([2, 0, 1])).batch(torch.tensor([1, 2]))
    assert list(inside.value.reasons) == [2]


def test_empty_and_absent_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        FolderSamples(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        FolderSamples(tmp_path / "absent")


def test_an_empty_class_folder_is_an_error_where_classes_matter(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    picture(3, 3).save(tmp_path / "b" / "0.png")
    assert load_unlabeled(tmp_path)[1] == ["b/0.png"]
    with pytest.raises(DataError, match=r"class folder .*a holds no images"):
        load_dataset(tmp_path)


def test_links_to_folders_are_passed_over_and_a_data_set_says_so(tmp_path: Path) -> None:
    for name in ("real/x", "set/a", "set/b"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(3):
            picture(3, 3).save(tmp_path / name / f"{number}.png")
    assert len(load_dataset(tmp_path / "set").train) == 4
    (tmp_path / "set" / "a" / "notes.txt").write_text("no sample")
    load_dataset(tmp_path / "set")
    os.symlink(tmp_path / "real" / "x", tmp_path / "set" / "x")
    os.symlink(tmp_path / "set", tmp_path / "set" / "a" / "up")
    samples = FolderSamples(tmp_path / "set")
    assert (len(samples), samples.classes) == (6, ("a", "b"))
    assert samples.passed_over == "passed over: links to folders (2), no image .txt (1)."
    with pytest.raises(DataError, match=r"read whole, .*'a/up': links to folders \(2 such files\)"):
        load_dataset(tmp_path / "set")


def test_a_data_set_with_a_damaged_file_does_not_begin(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        picture(3, 3).save(tmp_path / name / "0.png")
        picture(3, 3).save(tmp_path / name / "1.png")
    (tmp_path / "a" / "2.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"2\.png is not a readable image"):
        load_dataset(tmp_path)


def test_images_are_upright_for_the_classifier_too(tmp_path: Path) -> None:
    """A slow reference: Pillow's own turning of the decoded image."""
    for kind in ("png", "jpg", "tiff", "webp", "avif"):
        for turn in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = turn
            picture(12, 6, 3).save(tmp_path / f"{turn}.{kind}", exif=exif, quality=95)
        samples = FolderSamples(tmp_path, size=(5, 5))
        for row, name in enumerate(samples.names):
            with Image.open(io.BytesIO((tmp_path / name).read_bytes())) as image:
                expected = ImageOps.exif_transpose(image).convert("RGB").resize((5, 5), Image.Resampling.BILINEAR)
                assert read_header(tmp_path / name, name).size == ImageOps.exif_transpose(image).size[::-1]
            got = samples.batch(torch.tensor([row]))[0]
            np.testing.assert_array_equal(got.numpy(), np.asarray(expected).transpose(2, 0, 1))
            (tmp_path / name).unlink()


def test_every_byte_of_a_damaged_image_ends_in_pixels_or_a_data_error() -> None:
    for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "avif"):
        whole = bytearray(encoded(picture(8, 8, 3), kind))
        for place in range(0, len(whole), max(1, len(whole) // 60)):
            damaged = whole.copy()
            damaged[place] ^= 0x5A
            for data in (bytes(damaged), bytes(whole[:place])):
                with contextlib.suppress(DataError):
                    assert decode(data, "x", "RGB").dtype == torch.uint8  # flipped pixels are still an image


def _box(blobs: list[bytes]) -> EncodedSamples:
    return EncodedSamples(np.frombuffer(b"".join(blobs), np.uint8), np.cumsum([0, *map(len, blobs)]), "box")


def test_encoded_samples_decode_each_image() -> None:
    images = [picture(8, 8, 3) for _ in range(4)]
    blobs = [encoded(image, "png") for image in images]
    data = np.frombuffer(b"".join(blobs), np.uint8)
    offsets = np.cumsum([0, *map(len, blobs)])
    samples = EncodedSamples(data, offsets, "box")
    assert isinstance(samples, Samples)
    assert (len(samples), samples.shape) == (4, (3, 8, 8))
    got = samples.batch(torch.tensor([3, 0])).numpy()
    np.testing.assert_array_equal(got, np.stack([np.asarray(images[i]) for i in (3, 0)]).transpose(0, 3, 1, 2))
    for broken in (offsets[1:], offsets[:-1], offsets[[0, 2, 1, 3, 4]], offsets[:1], offsets.astype(float)):
        with pytest.raises(DataError, match="offsets of box"):
            EncodedSamples(data, broken, "box")
    cut = data.copy()
    cut[offsets[1] : offsets[2]] = 0
    with pytest.raises(DataError, match="image 1 of box is not a readable image"):
        EncodedSamples(cut, offsets, "box").batch(torch.tensor([1]))


@pytest.mark.parametrize("kept", [True, False])
def test_encoded_samples_that_fit_into_memory_are_decoded_once(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def counting(source: Path | bytes, name: str, *how: Any) -> torch.Tensor:
        looked.append(name)
        return decode(source, name, *how)

    blobs = [encoded(picture(8, 8, 3), "png") for _ in range(4)]
    blobs[2] = blobs[2][:60]
    samples = _box(blobs) if kept else None
    monkeypatch.setattr("iale.data.images.decode", counting)
    monkeypatch.setattr("iale.data.images._KEPT", 4 * 8 * 8 * 3 - 1)
    samples = samples or _box(blobs)
    looked.clear()
    first = samples.batch(torch.tensor([3, 0, 3]))
    expected = torch.stack([decode(blobs[row], "x", "RGB") for row in (3, 0, 3)])
    assert torch.equal(first, expected)
    first.zero_()
    for _ in range(2):
        assert torch.equal(samples.batch(torch.tensor([3, 0, 3])), expected)
        with pytest.raises(UnreadableError, match="image 2 of box") as caught:
            samples.batch(torch.tensor([1, 2]))
        assert set(caught.value.reasons) == {2}
    assert looked.count("image 3 of box") == (1 if kept else 6)


def test_encoded_samples_of_other_size() -> None:
    samples = _box([encoded(picture(8, 8), "png"), encoded(picture(7, 8), "png")])
    with pytest.raises(DataError, match=r"image 1 of box has the shape \(1, 7, 8\)"):
        samples.batch(torch.tensor([1]))


def test_a_folder_that_is_away_is_no_fault_of_its_images(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(5):
        picture(6, 5).save(tmp_path / "photos" / f"{number}.png")
    samples = FolderSamples(tmp_path / "photos")
    (tmp_path / "photos").rename(tmp_path / "away")
    with pytest.raises(DataError, match="photos is away: put it back") as raised:
        samples.batch(torch.arange(5))
    assert not isinstance(raised.value, UnreadableError)
    (tmp_path / "away").rename(tmp_path / "photos")
    (tmp_path / "photos" / samples.names[3]).unlink()
    with pytest.raises(UnreadableError) as one:
        samples.batch(torch.arange(5))
    assert list(one.value.reasons) == [3]


def test_two_class_folders_of_one_name(tmp_path: Path) -> None:
    """Some systems write an accent as a sign of its own: half of the class came from one of those."""
    for name in ("für", "f\u0075\u0308r", "gegen"):
        (tmp_path / name).mkdir()
        picture(6, 5).save(tmp_path / name / "0.png")
    with pytest.raises(DataError, match="two class folders 'für'"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "Permission denied"), r"0\.png cannot be read \(Permission denied\): put it back"),
        (OSError(24, "Too many open files"), r"0\.png cannot be read \(Too many open files\)"),
        (MemoryError(), r"0\.png takes more memory than there is"),
        (OSError("image file is truncated"), r"0\.png is not a readable image: replace or remove it"),
    ],
)
def test_a_good_image_that_cannot_be_read_now_is_not_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    picture(6, 5).save(tmp_path / "0.png")
    samples = FolderSamples(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("PIL.Image.open", refuse)
    with pytest.raises(UnreadableError, match=sentence):
        samples.batch(torch.tensor([0]))
