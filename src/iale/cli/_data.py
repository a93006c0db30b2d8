"""``iale data``: the data sets and where they are, and the names of samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.cli._options import parse
from iale.cli._output import table
from iale.data._formats import read_npz
from iale.data._scan import scan_images
from iale.data._split_names import all_names
from iale.data.catalog import DATASETS, describe_datasets, load_dataset
from iale.data.table_config import TableConfig
from iale.data.unlabeled import load_unlabeled
from iale.errors import ConfigError


@dataclass(frozen=True)
class DataOptions:
    """Lists the data sets, or the names of samples: `iale data DATA --names`.

    Without DATA: sizes, shapes, licenses, and where each data set was found or would come from. iale looks in the
    folder $IALE_DATA, then in your cache, and downloads a data set when you first use it.

    Attributes:
        data: the samples to list: a folder of images, an .npy or .npz file, a table, or the name of a data set.
        names: print the name of each sample, one per line, in the order that embeddings without ids must have.
        download: downloads and checks this data set now, instead of listing all.
        table: how tables are read.
    """

    data: str | None = None
    names: bool = False
    download: str | None = None
    table: TableConfig = field(default_factory=TableConfig)


def main(argv: Sequence[str]) -> int:
    argv = list(argv)
    if "--names" in argv and argv[argv.index("--names") + 1 :][:1] not in (["yes"], ["no"]):
        argv.insert(argv.index("--names") + 1, "yes")
    options = parse(DataOptions, argv, prog="iale data", first="--data")
    if options.names != (options.data is not None):
        raise ConfigError("the names of samples need both DATA and --names: write `iale data DATA --names`.")
    if options.data is not None:
        for name in _names(options.data, options.table):
            print(name)
    else:
        _list(options.download)
    return 0


def _names(data: str, config: TableConfig) -> Iterable[str]:
    path = Path(data)
    if path.is_dir() and data not in DATASETS:
        return [image.name for image in scan_images(path)[0]]  # which may differ in size
    if data in DATASETS or not path.exists() or (path.suffix == ".npz" and "x_train" in read_npz(path)):
        return all_names(load_dataset(data))
    return load_unlabeled(path, table=config)[1]


def _list(name: str | None) -> None:
    if name is not None:
        load_dataset(name)
    header = ("name", "classes", "train", "test", "shape", "place", "license")
    rows = [
        (i.name, str(i.classes), str(i.train), str(i.test), "x".join(map(str, i.shape)), i.place, i.license)
        for i in describe_datasets()
        if name in (None, i.name)
    ]
    print(table(header, rows))
