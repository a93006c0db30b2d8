"""Folders of images as people have them, drawn at random, with what must come of each."""

from __future__ import annotations

import io
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 16
Ops = Image.Transpose
STORED = {  # how the pixels of an upright image lie in a file with this EXIF orientation
    2: Ops.FLIP_LEFT_RIGHT,
    3: Ops.ROTATE_180,
    4: Ops.FLIP_TOP_BOTTOM,
    5: Ops.TRANSPOSE,
    6: Ops.ROTATE_90,
    7: Ops.TRANSVERSE,
    8: Ops.ROTATE_270,
}
GRAY_KINDS = {"L": ("png", "jpg", "jfif", "bmp", "tiff"), "LA": ("png",), "1": ("png", "bmp")}
COLOR_KINDS = {
    "RGB": ("png", "JPG", "jfif", "bmp", "tif", "webp", "avif", "heic", "ppm"),
    "RGBA": ("png", "webp"),
    "P": ("png", "gif"),
    "CMYK": ("jpeg", "tiff"),
}
FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "jfif": "JPEG", "tif": "TIFF", "heic": "HEIF"}
TURNED = ("jpg", "jpeg", "jfif", "png", "webp", "tif", "tiff")
NAMES = ("ü ß", "x  y", "a\nb", 'it\'s "so"', "\udcff", "%s", "a,b", "-rf", "=1+1", "x..", "日本", "a\\b", "a\tb", "é́")


@dataclass
class Folder:
    """What a folder holds.

    Attributes:
        readable: whether each sample can be decoded, by its name.
        colors: whether a readable image has colors.
        sizes: (height, width) of the upright images whose header can be read.
        passed_over: how many files are no samples, by a word of the reason.
    """

    root: Path
    readable: dict[str, bool] = field(default_factory=dict)
    colors: bool = False
    sizes: set[tuple[int, int]] = field(default_factory=set)
    passed_over: Counter[str] = field(default_factory=Counter)


def upright(mode: str, size: tuple[int, int]) -> Image.Image:
    """An image that is bright at its top left, orange if it has colors."""
    pixels = np.full((*size, 3), 20, np.uint8)
    pixels[: size[0] // 2, : size[1] // 2] = (250, 250, 250) if mode in GRAY_KINDS else (250, 120, 20)
    image = Image.fromarray(pixels)
    return image.quantize(8) if mode == "P" else image.convert(mode)


class Maker:
    """Draws one folder."""

    def __init__(self, root: Path, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.folder = Folder(root)
        self.outside = root.parent / f"outside-{root.name}"
        root.mkdir()
        self.outside.mkdir()
        (self.outside / "x.png").write_bytes(self.image("RGB", "png", (SIDE, SIDE), 1))
        self.colors = bool(self.rng.random() < 0.6)
        self.one_size = bool(self.rng.random() < 0.5)
        self.classes = ["a", "b/deep", "c"] if self.rng.random() < 0.4 else ["", "", "sub"]

    def make(self) -> Folder:
        faults = [self.truncated, self.empty, self.text, self.deep, self.link_inside, self.link_outside, self.loop]
        faults += [self.nowhere, self.folder_link, self.hidden, self.other, self.pipe, self.folder_like_a_file]
        steps = [self.good] * int(self.rng.integers(0, 9))
        steps += [faults[int(at)] for at in self.rng.integers(len(faults), size=int(self.rng.integers(0, 6)))]
        for at in self.rng.permutation(len(steps)):
            steps[int(at)]()
        return self.folder

    def image(self, mode: str, kind: str, size: tuple[int, int], turn: int) -> bytes:
        image = upright(mode, size)
        if turn > 1:
            image = image.transpose(STORED[turn])
        exif = Image.Exif()
        exif[0x0112] = turn
        file = io.BytesIO()
        options: dict[str, Any] = {"exif": exif} if turn > 1 else {}
        options |= {} if kind in ("png", "gif", "bmp", "ppm") else {"quality": 95}
        image.save(file, FORMATS.get(kind.lower(), kind.upper()), **options)
        return file.getvalue()

    def name(self, kind: str, hidden: str = "") -> str:
        parent = self.classes[int(self.rng.integers(3))]
        stem = NAMES[int(self.rng.integers(len(NAMES)))] if self.rng.random() < 0.2 else "image"
        (self.folder.root / parent).mkdir(parents=True, exist_ok=True)
        name = f"{hidden}{stem}{self.rng.integers(10**6)}.{kind}" if kind else f"{stem}{self.rng.integers(10**6)}"
        return f"{parent}/{name}" if parent else name

    def write(self, name: str, data: bytes) -> None:
        (self.folder.root / name).write_bytes(data)

    def draw(self, kinds: dict[str, tuple[str, ...]]) -> tuple[bytes, str, tuple[int, int]]:
        mode = list(kinds)[int(self.rng.integers(len(kinds)))]
        kind = kinds[mode][int(self.rng.integers(len(kinds[mode])))]
        size = (SIDE, SIDE) if self.one_size or self.rng.random() < 0.5 else (SIDE, 3 * SIDE // 2)
        turn = int(self.rng.integers(1, 9)) if kind.lower() in TURNED and self.rng.random() < 0.4 else 1
        return self.image(mode, kind, size, turn), kind, size

    def good(self) -> None:
        colors = self.colors and bool(self.rng.random() < 0.5)
        data, kind, size = self.draw(COLOR_KINDS if colors else GRAY_KINDS)
        wrong = kind not in ("avif", "heic") and self.rng.random() < 0.1
        name = self.name("jpg" if wrong else kind)
        self.write(name, data)
        self.folder.readable[name] = True
        self.folder.colors |= colors
        self.folder.sizes.add(size)

    def truncated(self) -> None:
        data, kind, size = self.draw({"L": ("png",)})
        name = self.name(kind)
        self.write(name, data[: data.index(b"IDAT") + int(self.rng.integers(4, 12))])
        self.folder.readable[name] = False
        self.folder.sizes.add(size)

    def empty(self) -> None:
        self.write(self.name("png"), b"")
        self.folder.passed_over["empty files"] += 1

    def text(self) -> None:
        name = self.name("png")
        self.write(name, b"<html>404 Not Found</html>")
        self.folder.readable[name] = False

    def deep(self) -> None:
        dtype, kind = [(np.uint16, "png"), (np.int32, "tif"), (np.float32, "tiff")][int(self.rng.integers(3))]
        name = self.name(kind)
        Image.fromarray(np.full((SIDE, SIDE), 1000, dtype)).save(self.folder.root / name, FORMATS.get(kind, kind))
        self.folder.readable[name] = False

    def link_inside(self) -> None:
        if not self.folder.readable:
            return
        target = sorted(self.folder.readable)[0]
        name = self.name("png")
        (self.folder.root / name).symlink_to(
            os.path.relpath(self.folder.root / target, (self.folder.root / name).parent)
        )
        self.folder.readable[name] = self.folder.readable[target]

    def link_outside(self) -> None:
        (self.folder.root / self.name("png")).symlink_to(self.outside / "x.png")
        self.folder.passed_over["lead out"] += 1

    def loop(self) -> None:
        path = self.folder.root / self.name("png")
        path.symlink_to(path.name)
        self.folder.passed_over["lead out"] += 1

    def nowhere(self) -> None:
        (self.folder.root / self.name("png")).symlink_to("gone.png")
        self.folder.passed_over["lead out"] += 1

    def folder_link(self) -> None:
        target = [self.outside, self.folder.root][int(self.rng.integers(2))]
        (self.folder.root / self.name("")).symlink_to(target)
        self.folder.passed_over["links to folders"] += 1

    def hidden(self) -> None:
        self.write(self.name("png", hidden="."), b"x")

    def other(self) -> None:
        kind = ["txt", "csv", "psd", ""][int(self.rng.integers(4))]
        self.write(self.name(kind), b"x")
        self.folder.passed_over[f"no image .{kind}".rstrip(" .")] += 1

    def pipe(self) -> None:
        os.mkfifo(self.folder.root / self.name("png"))
        self.folder.passed_over["not files"] += 1

    def folder_like_a_file(self) -> None:
        (self.folder.root / self.name("png")).mkdir()
