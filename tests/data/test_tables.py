"""Tables: what is found, what is refused, and 200 tables made by a generator that knows the right answer."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.tables_maker import Table, make_table

from iale.data import _tables
from iale.data._numbers import decimal_sign, to_number
from iale.data._table_samples import SampleTable, open_table
from iale.data._tables import read_cells
from iale.data._texts import TextSamples, hashed_ngrams
from iale.data.table_config import TableConfig
from iale.data.unlabeled import kind_of, load_labels_csv, load_unlabeled
from iale.errors import ConfigError, DataError, IaleWarning


def opened(folder: Path, text: str | bytes, name: str = "t.csv", **config: str) -> SampleTable:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_table(path, TableConfig(**config))  # type: ignore[arg-type]


def features(table: SampleTable) -> list[list[float]]:
    assert table.kind == "row"
    rows: list[list[float]] = table.samples.batch(torch.arange(len(table.samples))).tolist()
    return rows


def expected_values(made: Table) -> np.ndarray:
    assert made.values is not None
    return np.where(np.isnan(made.values), np.nanmedian(made.values, axis=0), made.values).astype(np.float32)


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_generated_tables_end_with_the_right_answer_or_a_sentence(start: int, tmp_path: Path) -> None:
    for seed in range(start, start + 20):
        made, path = make_table(seed), tmp_path / f"{seed}.csv"
        path.write_bytes(made.data)
        config = TableConfig(missing="median" if made.median else "error")
        if made.sentence:
            with pytest.raises(DataError, match=made.sentence) as caught:
                open_table(path, config)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
            continue
        table = open_table(path, config)
        again = open_table(path, table.config)
        for each in (table, again):
            where = f"seed {seed}, {made.found}, {each.about}"
            assert (each.kind, each.columns, each.names) == (made.kind, tuple(made.shown), made.names), where
            assert each.about.startswith(f"{len(made.rows):,} rows; "), where
            if made.values is not None:
                assert np.array_equal(features(each), expected_values(made)), where
            else:
                at = [made.header.index(column) for column in made.shown]
                assert each.cells == [[row[place] for place in at] for row in made.rows], where
        if made.labels is not None and len({label for label in made.labels if label}) > 1:
            names = made.names or [str(number) for number in range(len(made.rows))]
            labels = {name: label for name, label in zip(names, made.labels, strict=True) if label}
            rows, numbers, classes = load_labels_csv(path, names, own=True)
            assert {names[i]: classes[y] for i, y in zip(rows.tolist(), numbers.tolist(), strict=True)} == labels


def test_the_generator_makes_every_kind_of_table() -> None:
    made = [make_table(seed) for seed in range(200)]
    assert len({table.found for table in made}) > 25
    assert 40 < sum(bool(table.sentence) for table in made) < 100
    assert {table.kind for table in made if not table.sentence} == {"text", "row"}
    assert sum(table.median for table in made) > 3


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("a,b\n1,2\n", "1 row; features: 2 columns"),
        (
            "id;a;Label\n7;1,5;cat\n8;2;\n",
            "2 rows; features: 1 column; named by `id`; labels in `Label` (1 given); semicolons between cells; decimal "
            "comma",
        ),
        ("Text\tstars\nGood, isn't it\t5\n", "1 row; texts in `Text`; not used: `stars`; tabs between cells"),
        ("title|body\nA|B\n", "1 row; texts: 2 columns together; pipes between cells"),
        (
            "a;b\n1.100;2\n950;3\n",
            "2 rows; features: 2 columns; semicolons between cells; decimal point (--decimal comma if points are "
            "between thousands)",
        ),
        ("a;b\n1.100;2\n0.950;3\n", "2 rows; features: 2 columns; semicolons between cells"),
    ],
)
def test_what_was_found_is_one_line(text: str, about: str, tmp_path: Path) -> None:
    assert opened(tmp_path, text).about == about


def test_integers_that_float32_rounds_are_said(tmp_path: Path) -> None:
    table = opened(tmp_path, "x,z\n16777216,1\n16777217,2\n16777218,3\n")
    assert [row[0] for row in features(table)] == [16777216, 16777216, 16777218]
    assert re.search(r"line 3, column 'x': 16777217 is rounded to 16777216, since float32 holds", table.notices[0])
    assert not opened(tmp_path, "x,z\n16777216,1\n33554436,2\n0.1,3\n").notices


def test_a_table_of_yes_and_no_is_no_text_in_silence(tmp_path: Path) -> None:
    text = "q1,q2\n" + "yes,no\nno,no\nyes,yes\n" * 5
    (notice,) = opened(tmp_path, text).notices
    assert "each column holds a few words that come again" in notice
    assert notice.endswith("pass --kind features.")
    for config in ({"kind": "text"}, {"kind": "features"}, {"text_column": ""}):
        assert not opened(tmp_path, text, **config).notices
    assert not opened(tmp_path, "text,q\n" + "yes,no\n" * 5).notices
    assert not opened(tmp_path, "answer\n" + "yes\n" * 5).notices


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_not_taken_for_utf_16(encoding: str, tmp_path: Path) -> None:
    text = "id,text\n1,größer\n"
    data = text.encode(encoding) if encoding == "utf-32" else ("\ufeff" + text).encode(encoding)
    assert opened(tmp_path, data).cells == [["größer"]]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("1.5,2.5\n3,4\n", "1.5, 2.5"),
        ("5.1,3.5,setosa\n4.9,3,virginica\n", "5.1, 3.5, setosa"),
        ("7,7.0\n1,2\n", "7, 7.0"),
        ("0,1,2\n5,6,7\n", ""),
        ("id,1,2\nx,6,7\n", ""),
        ("2019,2020\n6,7\n", ""),
        ("country,2019,2021\n6,7,8\n", ""),
        ("7,3\n6,7\n", "7, 3"),
    ],
)
def test_numbers_as_names_are_said(text: str, taken: str, tmp_path: Path) -> None:
    """A file without a line of names: its first sample would be lost without a word."""
    table = opened(tmp_path, text, kind="text")
    assert len(table.cells) == text.count("\n") - 1
    assert [f"taken for names of columns ({taken})" in notice for notice in table.notices] == [True] * bool(taken)


@pytest.mark.parametrize("header", ["title,body,label,labels", "label,text,Label", "LABELS,a,label"])
def test_two_columns_that_may_hold_labels_are_refused(header: str, tmp_path: Path) -> None:
    text = f"{header}\n" + ",".join("x" * (header.count(",") + 1)) + "\n"
    with pytest.raises(DataError, match=r"line 1: '.*' and '.*' may hold the labels; say which with --label-column"):
        opened(tmp_path, text)
    opened(tmp_path, text, label_column="label")


def test_prose_is_not_split_and_quoted_lines_are_one_cell(tmp_path: Path) -> None:
    table = opened(tmp_path, 'review\nGood, cheap; and | more\nBad, sad, mad\n"two\nlines, one ""cell"""\n""\n')
    assert table.cells == [["Good, cheap; and | more"], ["Bad, sad, mad"], ['two\nlines, one "cell"'], [""]]


def test_prose_without_a_name_above_it_is_not_split(tmp_path: Path) -> None:
    """However many commas its lines have; the first line is then said to be taken for a name."""
    for second in (
        "It arrived late, but works fine.",
        "It cost 1,000 dollars, and it broke.",
        "Fine",
        "One, two, three.",
    ):
        table = opened(tmp_path, f"The battery died after a week, so I sent it back.\n{second}\n")
        assert table.cells == [[second]]
        assert table.notices[0].startswith("line 1 is taken for the name of the column ('The battery died")


@pytest.mark.parametrize(
    "text",
    [
        "a, b\n1, 2\n",  # short names, with blanks
        "when, what do you think of it\n2020,not much\n",  # a blank in the header alone
        "when,what do you think of it\n2020, not much\n",
        "what do you think of it,2020\nnot much,5\n",
        "when\twhat do you think of it\n2020\tnot much\n",
    ],
)
def test_what_is_no_prose_is_split(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert [len(row) for row in read_cells(tmp_path / "t.csv").rows] == [2]


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\r"])
def test_a_first_line_that_says_the_delimiter_is_no_header(first: str, tmp_path: Path) -> None:
    table = opened(tmp_path, f"{first}id;text\n1;Good, cheap, here\n2;Bad, sad, far\n")
    assert table.cells == [["Good, cheap, here"], ["Bad, sad, far"]]
    with pytest.raises(DataError, match="id 1 occurs in lines 3 and 4"):
        opened(tmp_path, f"{first}id;text\n1;a\n1;b\n")


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\r\n"x\r\ny",1\r\n\r\nz,2\r\n')
    assert read_cells(path).lines == [2, 5]


@pytest.mark.parametrize(
    ("text", "config", "sentence"),
    [
        ("a;b\n1,000;2\n", {}, "line 2, column 'a': '1,000' may be a number of thousands"),
        ("a,b\n1,yes\n2,no\n", {}, "line 2, column 'b': 'yes' is a word, but the column 'a' holds numbers"),
        ("a,b\n1,yes\n2,no\n", {"kind": "features"}, "line 2, column 'b': 'yes' is not a finite number"),
        ("a,b\n1.5,2.5\n", {"decimal": "comma"}, "no column of numbers with a decimal comma: leave --decimal out, or"),
        ("a,b\n1,\n2,\n", {}, "the column 'b' holds no value at all"),
        ("a,b\n1,2\n3,\n", {}, r"line 3, column 'b': the cell is empty \(1 of 4 cells are missing\)"),
        ("id,a\n5,1\n6,2\n\n5,3\n", {}, "id 5 occurs in lines 2 and 5"),
        ("id,a\n5,1\n,2\n", {}, "line 3: the id is blank"),
        ("label,Labels,a\nx,y,1\n", {"label_column": "b"}, "has no columns 'b': name one of label, Labels, a"),
        ("id,Id,a\n1,1,1\n", {"id_column": "ID"}, "has 2 columns 'ID'"),
        ("ä\n1\n", {"encoding": "ascii"}, "is not in ASCII"),
        ("a\n1\n", {"encoding": "hex"}, "hex"),
        ("a\n1e39\n2\n", {}, "'1e39' is not a finite number"),
    ],
)
def test_what_is_not_clear_is_asked(text: str, config: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        opened(tmp_path, text, **config)
    assert "\n" not in str(caught.value)


def test_everything_can_be_forced(tmp_path: Path) -> None:
    assert opened(tmp_path, "a,b\n1,yes\n", kind="text").cells == [["1", "yes"]]
    assert opened(tmp_path, "a,b\n1,yes\n", text_column="b").cells == [["yes"]]
    assert opened(tmp_path, "text,b\nx,y\n", text_column="").cells == [["x", "y"]]
    assert features(opened(tmp_path, "a;b\n1,000;2\n", decimal="comma")) == [[1, 2]]
    assert features(opened(tmp_path, "a;b\n1,000;2\n", decimal="point")) == [[1000, 2]]
    assert features(opened(tmp_path, "a,b\n1,2\n3,-\n5,4\n", missing="median")) == [[1, 2], [3, 3], [5, 4]]
    assert opened(tmp_path, "a,b\n1,2\n3,-\n5,4\n", missing="median").notices[0].startswith("1 of 6 cells were missing")
    named = opened(tmp_path, "key,a,kind\nk1,1,x\nk2,2,y\n", id_column="key", label_column="kind")
    assert (named.names, named.columns) == (["k1", "k2"], ("a",))
    assert opened(tmp_path, "id,a\n5,1\n5,2\n", id_column="").names is None
    assert opened(tmp_path, "text\n\xe9t\xe9\n".encode("cp437"), encoding="cp437").cells == [["été"]]
    for wrong in ({"delimiter": "dot"}, {"encoding": "utf-7000"}):
        with pytest.raises(ConfigError):
            opened(tmp_path, "a\n1\n", **wrong)


def test_a_column_that_may_hold_labels_is_said(tmp_path: Path) -> None:
    (notice,) = opened(tmp_path, "a,Class\n1,0\n2,1\n").notices
    assert "the column 'Class' is shown and learned from" in notice
    assert not opened(tmp_path, "a,Class,label\n1,0,x\n", label_column="Class", kind="text").notices
    unused = opened(tmp_path, "text,Class\nhi there,a\nbye,b\n")
    assert (unused.columns, unused.notices) == (("text",), [])  # neither shown nor learned from


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "IDs"])
def test_a_column_that_may_count_the_rows_is_not_learned_from_in_silence(tmp_path: Path, name: str) -> None:
    text = f"{name},a\n0,7\n1,9\n"
    (notice,) = opened(tmp_path, text).notices
    assert f"the column {name!r} is shown and learned from: if it counts or names the rows" in notice
    assert opened(tmp_path, text, id_column=name).notices == []
    assert opened(tmp_path, text, id_column="").notices == []  # somebody has looked


def test_a_first_line_of_prose_is_not_taken_for_a_name_in_silence(tmp_path: Path) -> None:
    table = opened(tmp_path, "the first of them\nanother one\n")
    assert (table.cells, table.columns) == ([["another one"]], ("the first of them",))
    assert table.notices[0].startswith("line 1 is taken for the name of the column ('the first of them')")
    assert not opened(tmp_path, "text\nthe first of them\n").notices
    assert not opened(tmp_path, "what do you think of it?;grade\nnot much;x\n").notices


@pytest.mark.parametrize(
    ("cell", "point", "comma"),
    [
        ("1.5", 1.5, None),
        ("1,5", None, 1.5),
        ("1,000", 1000, 1),
        ("1.000", 1, 1000),
        ("1,234.5", 1234.5, None),
        ("1.234,5", None, 1234.5),
        ("1 234 567", 1234567, 1234567),
        ("1'000.25", 1000.25, None),
        ("12\u00a0000,5", None, 12000.5),
        ("0,123", None, 0.123),
        ("−3", -3, -3),
        ("+.5e-3", 0.0005, None),
        ("1,000.000,5", None, None),
        ("1_000", None, None),
        ("inf", None, None),
        ("12 34", None, None),
        ("１", None, None),
        ("", None, None),
        ("1" * 100, None, None),
    ],
)
def test_numbers_as_people_write_them(cell: str, point: float | None, comma: float | None) -> None:
    assert (to_number(cell, "."), to_number(cell, ",")) == (point, comma)


def test_one_cell_may_tell_how_decimals_are_written() -> None:
    assert decimal_sign(["1,000", "2,000"]) is None
    assert decimal_sign(["1,000", "2.5"]) == "."
    assert decimal_sign(["1,000", "2,5"]) == ","
    assert decimal_sign(["1.000", "2"]) == "."


def test_a_table_that_grows_is_read_as_before() -> None:
    before = TableConfig(kind="features", delimiter=";", id_column="id")
    assert before.then(TableConfig()) == before
    assert before.then(TableConfig(missing="median")).missing == "median"
    assert before.then(TableConfig(missing="median")).then(TableConfig()).missing == "median"
    with pytest.raises(ConfigError, match="the id column id, which cannot change"):
        before.then(TableConfig(id_column="key"))


def test_texts_without_spaces_are_as_alike_as_with_spaces() -> None:
    words = ["这家店", "服务", "非常", "好吃", "便宜", "推荐"]
    one, two = "".join(words[:4]), "".join(words[:3] + words[4:])
    plain, spaced = hashed_ngrams([one, two]), hashed_ngrams([" ".join(words[:4]), " ".join(words[:3] + words[4:])])
    assert 0.3 < plain[0] @ plain[1] < 0.8
    assert 0.3 < spaced[0] @ spaced[1] < 0.9
    for text in ("おいしい料理でした", "อาหารอร่อยมาก", "អាហារឆ្ងាញ់"):
        assert (hashed_ngrams([text]) != 0).sum() > len(text)


@pytest.mark.parametrize(
    "words", ["की के को कु", "কি কে কু কা", "மா மி மு மே", "مَن مِن مُن مٌن", "שָל שֶל שִל שׁל", "te\u0301 te\u0300 te\u0302"]
)
def test_vowels_that_are_signs_of_their_own_belong_to_words(words: str) -> None:
    """For them, letters are cut from one another elsewhere: all of these would be one word."""
    vectors = hashed_ngrams(words.split())
    assert np.allclose(vectors @ vectors.T, np.eye(len(vectors)))
    assert np.allclose(hashed_ngrams(["हिन्दी में। हाँ"]), hashed_ngrams(["हिन्दी में, हाँ!"]))


def test_texts_are_hashed_one_by_one() -> None:
    """A text has the same vector alone and among others; control characters and broken letters stop nothing."""
    texts = ["a \x00 b", "half \ud800 of a pair", "", "word " * 50_000, "ok"]
    samples = TextSamples(texts)
    together = samples.batch(torch.arange(5))
    for row in range(5):
        assert torch.equal(samples.batch(torch.tensor([row]))[0], together[row])
    assert samples.batch(torch.arange(0)).shape == (0, *samples.shape)
    assert torch.allclose(together.norm(dim=1), torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0]))


def test_tables_are_loaded_to_be_queried(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("ID\ttext\tLabel\nk1\tgood one\tpos\nk2\tbad one\t\nk3\tawful\tneg\n")
    said: list[str] = []
    samples, names = load_unlabeled(tmp_path / "t.tsv", say=said.append)
    assert (kind_of(samples), names, len(said)) == ("text", ["k1", "k2", "k3"], 1)
    rows, labels, classes = load_labels_csv(tmp_path / "t.tsv", names, own=True)
    assert (rows.tolist(), labels.tolist(), classes) == ([0, 2], [1, 0], ("neg", "pos"))
    (tmp_path / "labels.csv").write_text(" Sample ;LABEL\nk3;neg\nk2;\nk1;pos\n", encoding="utf-16")
    assert load_labels_csv(tmp_path / "labels.csv", names)[0].tolist() == [2, 0]


def test_a_column_that_may_hold_the_labels_is_not_learned_from_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,target\n1,0\n2,1\n")
    with pytest.warns(IaleWarning, match=r"t\.csv: the column 'target' is shown and learned from"):
        load_unlabeled(path)
    said: list[str] = []
    load_unlabeled(path, say=said.append)  # told there, and only there
    assert len(said) == 2
    load_unlabeled(path, table=TableConfig(label_column="target"))
    path.write_text("a,b\n1,\n2,1\n")
    load_unlabeled(path, table=TableConfig(missing="median"))  # which was asked for


def test_a_large_table_and_a_giant_cell_are_read(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b,c\n" + "1.5,2,-3\n" * 100_000)
    assert len(table.samples) == 100_000
    table = opened(tmp_path, 'text,label\n"' + "word, " * 100_000 + '",x\n')
    assert len(table.cells[0][0]) == 600_000
    with pytest.raises(DataError, match=r"line 2: .*field larger than field limit"):
        opened(tmp_path, "text\n" + "x" * ((1 << 24) + 1))


def test_two_threads_read_giant_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The csv module has one limit for all threads: one that ends must not lower it for another."""
    (tmp_path / "giant.csv").write_text("text\n" + "x" * 200_000 + "\n")
    find, inside, second, ended = _tables._find_sign, threading.Event(), threading.Event(), threading.Event()

    def watched(text: str) -> str:
        if threading.current_thread().name == "first":
            inside.set()
            second.wait(0.5)  # in vain, if threads take turns
        else:
            second.set()
            assert ended.wait(10)
        return find(text)

    def read() -> None:
        read_cells(tmp_path / "giant.csv")
        ended.set()

    monkeypatch.setattr(_tables, "_find_sign", watched)
    first = threading.Thread(target=read, name="first")
    first.start()
    assert inside.wait(10)
    assert len(read_cells(tmp_path / "giant.csv").rows[0][0]) == 200_000
    first.join()


def test_no_bytes_give_a_traceback(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for size in range(200):
        data = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        for each in (data, b"id,text\n1," + data, re.sub(rb"[^,;\n\"1]", b"1", data)):
            with contextlib.suppress(DataError):
                opened(tmp_path, each)
