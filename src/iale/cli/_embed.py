"""``iale embed``: samples as vectors of a pretrained encoder, made once."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from iale import _storage as storage
from iale._counted import counted
from iale._many import many
from iale.cli._options import parse
from iale.cli._output import check_file, say
from iale.cli._readable import FilesRead, say_passed_over
from iale.data._formats import npy_header
from iale.data.table_config import TableConfig
from iale.data.unlabeled import kind_of, load_unlabeled
from iale.errors import ConfigError
from iale.geometry._store import build
from iale.geometry.encoders import find_encoder
from iale.geometry.points import Points

_ROWS = 4096  # written at a time


@dataclass(frozen=True)
class EmbedOptions:
    """Turns samples into vectors: `iale embed DATA --with ENCODER --out embeddings.npz`.

    The same command continues where it was stopped. Give the file to `iale query`, `run`, `label` and `label-studio`
    with --embeddings.

    Attributes:
        data: a folder of images, an .npy or .npz file with an array [N, …], or a table (.csv, .tsv, .txt) of texts or
            feature rows.
        with_: the encoder: timm:MODEL, open-clip:MODEL/WEIGHTS, sentence-transformers:MODEL, model2vec:MODEL, or a
            function of your own as package.module:function, which turns a batch into a vector for each sample.
        out: the .npz file to write: the names of the samples (ids), their vectors (embeddings), and the encoder.
        resize: height,width to resize the images of a folder to before the encoder sees them; by default what it wants.
        half: store the vectors in half precision, which takes half of the space.
        device: where the encoder runs: auto, cpu, cuda, cuda:0 or mps.
        verbose: list the files that are passed over; by default they are counted.
        table: how tables are read.
    """

    data: Path
    with_: str
    out: Path
    resize: tuple[int, ...] = ()
    half: bool = False
    device: str = "auto"
    verbose: bool = False
    table: TableConfig = field(default_factory=TableConfig)


def main(argv: Sequence[str]) -> int:
    options = parse(EmbedOptions, argv, prog="iale embed", first="--data")
    if options.out.suffix != ".npz":
        raise ConfigError(f"--out {options.out} must end in .npz: the file holds names beside the vectors.")
    if options.out.resolve() == options.data.resolve():
        raise ConfigError(f"--out is the file of the samples, {options.out}: name another file.")
    if options.resize and (len(options.resize) != 2 or min(options.resize) < 1):
        raise ConfigError("--resize takes a height and a width in pixels, as in --resize 224,224.")
    check_file(options.out)
    encoder = find_encoder(options.with_, options.device)
    size = (options.resize[0], options.resize[1]) if options.resize else None
    if size is None and options.data.is_dir():
        size = encoder.size
    read = FilesRead(options.data)
    samples, names = load_unlabeled(options.data, size=size, table=options.table, say=say)
    say_passed_over(samples, verbose=options.verbose)
    encoder.check(kind_of(samples))
    parts = options.out.with_name(f".{options.out.name}.parts")
    with counted("encoding") as show:
        points = build(samples, encoder, parts, show)
    read.check()
    _write(options.out, names, points, encoder.identity, half=options.half)
    say(f"{options.out} holds {many(len(points), 'vector')} of {many(points.dim, 'number')}")
    shutil.rmtree(parts, ignore_errors=True)
    return 0


def _write(out: Path, names: Sequence[str], points: Points, maker: str, *, half: bool) -> None:
    """The file in one step, a few rows at a time; paths that are no text of Unicode keep their bytes."""
    kind = np.dtype(np.float16 if half else np.float32)
    empty: list[int] = []
    with storage.written(out) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("embeddings.npy", "w", force_zip64=True) as rows_file:
            rows_file.write(npy_header(kind, len(points), points.dim))
            for start in range(0, len(points), _ROWS):
                rows = points.read(start, start + _ROWS).numpy()
                if half and np.abs(rows).max() > np.finfo(np.float16).max:
                    raise ConfigError("a vector holds numbers beyond half precision: leave --half out.")
                rows_file.write(rows.astype(kind).tobytes())
                empty += (start + np.flatnonzero(~rows.any(axis=1))).tolist()
        for name, value in (("ids", np.array(names)), ("maker", np.array(maker))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, value, allow_pickle=False)
    if empty:
        first = ", ".join(names[row] for row in empty[:5]) + (", …" if empty[5:] else "")
        say(f"{len(empty)} cannot be read, or have no content, and have a vector of zeros: {first}")
