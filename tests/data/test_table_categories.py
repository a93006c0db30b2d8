"""Categories beside numbers: each is a feature of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder

from iale.cli import main
from iale.data._table_categories import MOST
from iale.data._table_samples import SampleTable, open_table
from iale.data.table_config import TableConfig
from iale.errors import DataError
from iale.geometry import built_in
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig

HOMES = "id,rooms,city,price,heating\n" + "".join(
    f"h{at},{at % 4},{('Rome', ' Oslo', 'Bonn')[at % 3]},{100 + at},{('gas', 'oil')[at % 2]}\n" for at in range(12)
)


def opened(tmp_path: Path, text: str, config: TableConfig | None = None) -> SampleTable:
    path = tmp_path / "homes.csv"
    path.write_text(text)
    return open_table(path, config)


def values(table: SampleTable) -> NDArray[np.float32]:
    return np.asarray(table.samples.batch(torch.arange(len(table.samples))).numpy())


def test_each_category_is_a_column_in_its_place_and_the_line_says_which(tmp_path: Path) -> None:
    table = opened(tmp_path, HOMES)
    cells = np.array([[cell.strip() for cell in line.split(",")] for line in HOMES.splitlines()[1:]])
    city, heating = (OneHotEncoder(sparse_output=False).fit_transform(cells[:, at : at + 1]) for at in (2, 4))
    wanted = np.column_stack([cells[:, 1].astype(float), city, cells[:, 3].astype(float), heating])
    assert (table.kind, table.columns) == ("row", ("rooms", "city", "price", "heating"))
    assert np.array_equal(values(table), wanted.astype(np.float32))
    assert "features: 4 columns, of which 2 are categories (`city`, `heating`)" in table.about


def test_the_geometry_standardizes_all_of_them(tmp_path: Path) -> None:
    table = opened(tmp_path, HOMES)
    points, wanted = built_in(table.samples).read().numpy(), values(table).astype(np.float64)
    assert np.allclose(points, (wanted - wanted.mean(axis=0)) / wanted.std(axis=0), atol=1e-5)


@pytest.mark.parametrize("kind", ["auto", "features"])
def test_names_and_texts_are_no_categories(kind: str, tmp_path: Path) -> None:
    """They would become a column each: one sentence says how many there are."""
    text = "price,owner\n" + "".join(f"{at},person {at}\n" for at in range(3000))
    with pytest.raises(
        DataError, match=r"line 2, column 'owner': 'person 0' is .*, and 3,000 different words in 3,000 "
    ):
        opened(tmp_path, text, TableConfig(kind=kind))  # type: ignore[arg-type]
    many = "price,street\n" + "".join(f"{at},street {at % (MOST + 1)}\n" for at in range(3000))
    with pytest.raises(DataError, match=rf"{MOST + 1} different words in 3,000 rows are too many for categories"):
        opened(tmp_path, many, TableConfig(kind=kind))  # type: ignore[arg-type]


def test_categories_alone_are_texts_unless_features_are_asked_for(tmp_path: Path) -> None:
    text = "color,shape\n" + "red,round\nblue,round\nred,flat\nblue,flat\n"
    assert opened(tmp_path, text).kind == "text"
    assert values(opened(tmp_path, text, TableConfig(kind="features"))).tolist() == [
        [0, 1, 0, 1],
        [1, 0, 0, 1],
        [0, 1, 1, 0],
        [1, 0, 1, 0],
    ]


def test_a_missing_category_is_named_or_is_none(tmp_path: Path) -> None:
    text = "size,color\n1,red\n2,\n3,red\n4,blue\n5,blue\n"
    with pytest.raises(
        DataError, match=r"line 3, column 'color': the cell is empty \(1 of 10 cells are missing\); fill"
    ):
        opened(tmp_path, text)
    table = opened(tmp_path, text, TableConfig(missing="median"))
    assert values(table).tolist() == [[1, 0, 1], [2, 0, 0], [3, 0, 1], [4, 1, 0], [5, 1, 0]]
    assert "1 of 10 cells were missing and got the median of their column, or no category" in table.notices[0]


def test_a_decimal_sign_in_words_says_nothing_about_numbers(tmp_path: Path) -> None:
    text = "size;city\n1;St. Gallen, SG\n2;St. Gallen, SG\n"
    assert opened(tmp_path, text).config.decimal == "auto"


def test_labels_stay_when_a_category_comes_later(tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_text("".join(line.partition(",")[2] for line in HOMES.splitlines(True)))  # known by their content
    project = Project.create(tmp_path / "project", ProjectConfig(path, ("cheap", "dear")))
    named = dict.fromkeys(list(project.items.ids)[:5], "cheap")
    project.add_labels("ann", named, "imported")
    path.write_text(path.read_text() + "2,Aachen,90,wood\n1,Aachen,91,wood\n")
    again = Project.open(tmp_path / "project")
    assert again.labels() == named
    assert again.items.samples.shape[0] == project.items.samples.shape[0] + 2


def test_iale_query_says_what_was_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "homes.csv"
    path.write_text(HOMES)
    (tmp_path / "labels.csv").write_text("sample,label\nh0,a\nh1,b\nh2,a\nh3,b\n")
    assert main(["query", "--images", str(path), "--labels", str(tmp_path / "labels.csv"), "--k", "2"]) == 0
    out = capsys.readouterr()
    assert len(out.out.splitlines()) == 3
    assert "features: 4 columns, of which 2 are categories" in out.err
