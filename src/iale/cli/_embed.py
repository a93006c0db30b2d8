"""``iale embed``: samples as vectors of a pretrained encoder, made once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from iale import _storage as storage
from iale.cli._options import parse
from iale.cli._output import check_file, say
from iale.cli._readable import say_passed_over
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
    argv = list(argv)
    if argv and not argv[0].startswith("-"):
        argv.insert(0, "--data")
    options = parse(EmbedOptions, argv, prog="iale embed")
    if options.out.suffix != ".npz":
        raise ConfigError(f"--out {options.out} must end in .npz: the file holds names beside the vectors.")
    if options.resize and (len(options.resize) != 2 or min(options.resize) < 1):
        raise ConfigError("--resize takes a height and a width in pixels, as in --resize 224,224.")
    check_file(options.out)
    encoder = find_encoder(options.with_, options.device)
    size = (options.resize[0], options.resize[1]) if options.resize else None
    if size is None and options.data.is_dir():
        size = encoder.size
    samples, names = load_unlabeled(options.data, size=size, table=options.table, say=say)
    say_passed_over(samples, verbose=options.verbose)
    encoder.check(kind_of(samples))
    parts = options.out.with_name(f".{options.out.name}.parts")
    with tqdm(total=len(samples), unit=" samples", desc="encoding", file=sys.stderr, disable=None) as bar:
        points = build(samples, encoder, parts, lambda done, _: bar.update(done - bar.n))
    _write(options.out, names, points, encoder.identity, half=options.half)
    say(f"{len(points):,} vectors of {points.dim:,} numbers are in {options.out}")
    shutil.rmtree(parts, ignore_errors=True)
    return 0


def _write(out: Path, names: Sequence[str], points: Points, maker: str, *, half: bool) -> None:
    """The file in one step; names that are no text of Unicode keep their bytes, as paths do."""
    kind, empty = (np.float16 if half else np.float32), []
    values = np.empty((len(points), points.dim), kind)
    for start in range(0, len(points), _ROWS):
        rows = points.read(start, start + _ROWS).numpy()
        if half and np.abs(rows).max() > np.finfo(np.float16).max:
            raise ConfigError("a vector holds numbers beyond half precision: leave --half out.")
        values[start : start + len(rows)] = rows
        empty += (start + np.flatnonzero(~rows.any(axis=1))).tolist()
    if empty:
        first = ", ".join(names[row] for row in empty[:5]) + (", …" if empty[5:] else "")
        say(f"{len(empty)} cannot be read, or have no content, and have a vector of zeros: {first}")
    with storage.written(out) as file:
        np.savez(file, ids=np.array(names), embeddings=values, maker=np.array(maker))
