from __future__ import annotations

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.labeling.conftest import write_images

from iale.data._away import Away
from iale.data._pictures import MOST_PIXELS, open_picture, picture
from iale.data._texts import FEATURES, hashed_ngrams
from iale.errors import DataError
from iale.labeling.items._ids import Ids, Names
from iale.labeling.items._images import ImageItems
from iale.labeling.items._items import open_items


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header claims a size; bytes of ``data`` instead of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def test_ids_are_found_again_and_equal_ones_move_on() -> None:
    ids = Ids([5, 2**64 - 1, 5, 6, 0, 2**64 - 1])
    assert len(set(ids)) == 6
    assert [ids.index(sample) for sample in ids] == list(range(6))
    assert ids[0] == "0000000000000005"
    assert ids.find("0" * 15 + "9") is None
    for wrong in (5, "photo.jpg"):  # neither a number nor a name
        with pytest.raises(DataError, match=r"there is no sample .*: give its id, the 16 digits that `next` gives"):
            ids.index(wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="it was deleted, or the id is wrong"):
        ids.index("0" * 15 + "9")
    for wrong in ("", "5", "g" * 16, "../../etc/passwd", "０" * 16):
        assert wrong not in ids
        with pytest.raises(DataError, match="there is no sample"):
            ids.index(wrong)


def test_names_come_back() -> None:
    texts = ["", "a", "ü/ß.png", "\udcff.png", "x" * 1000, ""]
    names = Names(texts)
    assert list(names) == texts
    assert len(names) == 6


def test_an_id_stays_when_the_folder_is_copied_and_more_comes(tmp_path: Path) -> None:
    write_images(tmp_path / "a" / "deep", 3)
    first = ImageItems(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    write_images(tmp_path / "b" / "another", 2)
    second = ImageItems(tmp_path / "b")
    for index in range(3):
        moved = second.ids.index(first.ids[index])
        assert second.name(moved) == first.name(index)
        assert second.fits(moved, first.stamp(index))
    stamp = second.stamp(0)
    os.utime(tmp_path / "b" / second.name(0), (1, 1))  # a copy that lost its times
    assert ImageItems(tmp_path / "b").fits(0, stamp)
    os.truncate(tmp_path / "b" / second.name(0), 100)
    assert not ImageItems(tmp_path / "b").fits(0, stamp)


def test_a_file_that_was_changed_or_deleted_is_said(tmp_path: Path) -> None:
    write_images(tmp_path, 3)
    items = ImageItems(tmp_path)
    stamps = [items.stamp(index) for index in range(3)]
    Image.new("L", (40, 40)).save(tmp_path / items.name(0))
    (tmp_path / items.name(1)).unlink()
    assert [items.changed(index) for index in range(3)] == ["changed", "deleted", ""]
    for index, what in ((0, "changed"), (1, "deleted")):
        for act in (items.path, items.show, lambda i: items.batch(torch.tensor([i]))):
            with pytest.raises(DataError, match=f"was {what} since the project was opened"):
                act(index)
    with pytest.raises(DataError, match="was changed since"):
        items.stamp(0)
    assert items.stamp(1) == stamps[1]  # a label that was pressed for a file that is away now
    again = ImageItems(tmp_path)
    assert not again.fits(0, stamps[0])
    assert again.fits(1, stamps[2])


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    write_images(tmp_path / "outside", 2)
    write_images(tmp_path / "data", 2)
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "outside" / "image-000.png")
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "data" / "again.png").symlink_to("image-000.png")
    (tmp_path / "data" / "nowhere.png").symlink_to("gone.png")
    items = ImageItems(tmp_path / "data")
    assert [items.name(i) for i in range(len(items))] == ["again.png", "image-000.png", "image-001.png"]
    assert items.notices == ["passed over: links that lead out of the folder or nowhere (2), links to folders (1)."]
    path = tmp_path / "data" / "image-001.png"
    found = path.stat()
    path.unlink()
    twin = tmp_path / "outside" / "twin.png"
    twin.write_bytes(b"\0" * found.st_size)
    os.utime(twin, ns=(found.st_atime_ns, found.st_mtime_ns))
    path.symlink_to(twin)
    with pytest.raises(DataError, match="a link that leads out"):
        items.path(2)


def test_links_that_go_round_do_not_stop_the_start(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    for link, target in {"loop.png": "loop.png", "a.png": "b.png", "b.png": "a.png", "round": "."}.items():
        (tmp_path / link).symlink_to(target)
    items = ImageItems(tmp_path)
    assert [items.name(i) for i in range(len(items))] == ["image-000.png", "image-001.png"]
    assert items.notices == ["passed over: links that lead out of the folder or nowhere (3), links to folders (1)."]
    (tmp_path / "image-000.png").unlink()
    (tmp_path / "image-000.png").symlink_to("image-000.png")  # while it is open
    assert items.changed(0) == "deleted"
    with pytest.raises(Away):
        items.path(0)


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").write_bytes(b"not a PNG")
    items = ImageItems(tmp_path)
    assert [items.name(i) for i in range(len(items))] == ["broken.png", "image-000.png", "image-001.png"]
    assert items.shape == (1, 12, 12)
    with pytest.raises(DataError, match=r"broken\.png is not a readable image"):
        items.batch(torch.tensor([0]))


@pytest.mark.parametrize("setup", ["empty", "missing", "broken"])
def test_a_folder_without_images_is_named(tmp_path: Path, setup: str) -> None:
    folder = tmp_path / "data"
    if setup != "missing":
        folder.mkdir()
    if setup == "broken":
        (folder / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match="there is no .*data" if setup == "missing" else "data"):
        open_items(folder)


def test_an_empty_folder_says_what_it_passed_over(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"holds no images: .* passed over: empty files \(1\)\."):
        open_items(tmp_path)


def test_images_of_many_sizes_become_one_and_small_ones_stay(tmp_path: Path) -> None:
    write_images(tmp_path / "same", 3, (20, 30), "RGB")
    assert ImageItems(tmp_path / "same").shape == (3, 20, 30)
    write_images(tmp_path / "many", 2, (20, 30))
    Image.new("RGB", (300, 200), "red").save(tmp_path / "many" / "z.jpg")
    many = ImageItems(tmp_path / "many")
    assert many.shape == (3, 64, 64)
    assert many.batch(torch.arange(3)).shape == (3, 3, 64, 64)
    assert many.batch(torch.tensor([2]))[0, 0].float().mean() > 250
    assert ImageItems(tmp_path / "many", (8, 9)).shape == (3, 8, 9)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    for name, size in (("bomb", (40_000, 40_000)), ("large", (13_000, 11_000))):
        path = tmp_path / f"{name}.png"
        path.write_bytes(png(*size))
        with pytest.raises(DataError, match="pixels"):
            open_picture(path, name)
    assert MOST_PIXELS < 13_000 * 11_000


def test_a_hundred_megapixels_are_opened_and_damage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    Image.new("L", (10_000, 10_000), 7).save(path)
    small = picture(path, "big", (64, 64))
    assert max(small.size) <= 1250
    assert small.getpixel((3, 3)) == 7
    path.write_bytes(png(3000, 3000, b"\0" * 100))
    with pytest.raises(DataError, match="big is not a readable image"):
        picture(path, "big", (64, 64))


def test_other_formats_start_no_program(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(DataError, match="is not a readable image"):
        picture(path, "x", (10, 10))


def test_images_are_upright(tmp_path: Path) -> None:
    image = Image.new("L", (30, 10))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "x.png", exif=exif)
    turned = picture(tmp_path / "x.png", "x", (10, 10))
    assert turned.size == (10, 30)
    assert turned.getpixel((9, 0)) == 255


def test_arrays_are_known_by_their_content(tmp_path: Path) -> None:
    rows = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5)
    np.savez(tmp_path / "a.npz", x=rows)
    np.savez(tmp_path / "b.npz", x=rows[[3, 1]])
    first, second = open_items(tmp_path / "a.npz"), open_items(tmp_path / "b.npz")
    assert list(second.ids) == [first.ids[3], first.ids[1]]
    assert first.kind == "image"
    shown = first.show(2)
    assert isinstance(shown, np.ndarray)
    assert np.array_equal(shown, rows[2])
    np.savez(tmp_path / "c.npz", x=np.random.default_rng(0).normal(size=(3, 6, 6, 3)).astype(np.float32))
    color = open_items(tmp_path / "c.npz").show(0)
    assert isinstance(color, np.ndarray)
    assert color.shape == (6, 6, 3)
    assert (color.min(), color.max()) == (0, 255)
    np.savez(tmp_path / "d.npz", x=np.array([[1.5, 2.0]], dtype=np.float32))
    assert open_items(tmp_path / "d.npz").show(0) == {"0": "1.5", "1": "2"}
    with pytest.raises(DataError, match="has no file"):
        first.path(0)


def test_tables_of_features_and_of_texts(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("sample,a,b,label\nx,1,2.5,cat\ny,3,-4,dog\n")
    rows = open_items(tmp_path / "f.csv")
    assert (rows.kind, rows.name(1), rows.show(1)) == ("row", "y", {"a": "3", "b": "-4"})
    assert rows.samples.batch(torch.tensor([0])).tolist() == [[1.0, 2.5]]
    (tmp_path / "t.csv").write_text('text,source\n"Good, very good",a\nBad\u00a0one,b\n', encoding="utf-8")
    texts = open_items(tmp_path / "t.csv")
    assert (texts.kind, texts.name(1), texts.show(0)) == ("text", "1", "Good, very good")
    assert texts.samples.shape == (FEATURES,)
    (tmp_path / "u.csv").write_text("title,body\nHello,World\n")
    assert open_items(tmp_path / "u.csv").show(0) == "title: Hello\nbody: World"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ("a,b\n", "holds no rows"),
        ("a,b\n1\n", "line 2: 1 of 2 cells"),
        ("a,a\n1,2\n", "a name of its own"),
        ("id,label\n1,2\n", "no columns with texts or features"),
        ("a,b\n1,2\n1,inf\n", "line 3, column 'b': 'inf' is not a finite number"),
        ('a\n"x', "line 2: the row holds a quoted cell that does not end"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        open_items(tmp_path / "t.csv")
    (tmp_path / "t.xyz").write_text(text)
    with pytest.raises(DataError, match="holds no samples"):
        open_items(tmp_path / "t.xyz")


def test_like_texts_have_like_vectors() -> None:
    one, same, other = hashed_ngrams(["the cat sat there", "The cat sat, there!", "buy cheap pills now"])
    assert np.allclose(one, same)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
    assert abs(one @ other) < 0.3 < hashed_ngrams(["the cat sat here"])[0] @ one
    assert not hashed_ngrams(["", "!?"]).any()
