"""``iale data``: the data sets and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iale.cli._options import parse
from iale.cli._output import table
from iale.data.catalog import describe_datasets, load_dataset


@dataclass(frozen=True)
class DataOptions:
    """Lists the data sets: sizes, shapes, licenses, and where each was found or would come from.

    iale looks in the folder $IALE_DATA, then in your cache, and downloads a data set when you first use it.

    Attributes:
        download: downloads and checks this data set now, instead of listing all.
    """

    download: str | None = None


def main(argv: Sequence[str]) -> int:
    name = parse(DataOptions, argv, prog="iale data").download
    if name is not None:
        load_dataset(name)
    header = ("name", "classes", "train", "test", "shape", "place", "license")
    rows = [
        (i.name, str(i.classes), str(i.train), str(i.test), "x".join(map(str, i.shape)), i.place, i.license)
        for i in describe_datasets()
        if name in (None, i.name)
    ]
    print(table(header, rows))
    return 0
