"""Makes tables as people and programs write them, with what is wrong with some of them, and knows the right answer."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

WORDS = {
    script: words.split()
    for script, words in {
        "en": 'the shop was very good, cheap and friendly; we liked it | really 5 - don\'t "know"',
        "de": "schön, größer; Straße für Menschen über Müll und Bäume",
        "fr": "très bon, café élevé; à côté où déjà la maison",
        "zh": "这家店 服务 味道 价格 房间 我们 昨天 非常 好吃，",
        "ja": "とても おいしい 料理 でした また 行きたい です。",
        "th": "ร้านนี้ อาหาร อร่อย มาก ราคา ถูก",
        "ru": "очень хорошая погода, сегодня мы идем домой",
    }.items()
}
_SINGLE_BYTE = {"de": "cp1252", "fr": "cp1252", "ru": "cp1251", "zh": "gb18030", "ja": "shift_jis"}
_MISSING = ("", "NA", "n/a", "NaN", "-", " ", "null")
_LABELS = ("label", "Label", "LABEL", " label ", "Labels")
_IDS = ("id", "ID", "Sample", "sample")


@dataclass
class Table:
    """A table, and what a reader must say of it.

    Attributes:
        header: the column names as they are written.
        rows: the cells.
        kind: "text" or "row".
        shown: the columns that people see.
        labels: the cells of the label column; None if there is none.
        names: of the rows; None if they are numbered.
        values: the features, NaN where the cell is missing.
        sentence: a part of the sentence that refuses the table; empty if it must be read.
        data: the bytes of the file.
        found: the encoding and the delimiter of the file.
    """

    header: list[str]
    rows: list[list[str]]
    kind: str
    shown: list[str]
    labels: list[str] | None = None
    names: list[str] | None = None
    values: NDArray[np.float64] | None = None
    sentence: str = ""
    data: bytes = b""
    found: tuple[str, str] = ("", "")
    median: bool = False
    faults: list[str] = field(default_factory=list)


def make_table(seed: int) -> Table:
    """The table of a seed; about 4 in 10 must be refused."""
    rng = random.Random(seed)
    sign = rng.choice(",,;\t|")
    script = rng.choice(sorted(WORDS))
    table = _features(rng, sign) if rng.random() < 0.5 else _texts(rng, script)
    if rng.random() < 0.6:
        _add(table, rng.choice(_LABELS), [rng.choice(("cat", "dog", "", " ")) for _ in table.rows], rng)
        table.labels = [row[-1].strip() for row in table.rows]
    if rng.random() < 0.5:
        table.names = [str(10 + 3 * number) for number in range(len(table.rows))]
        table.header.insert(0, rng.choice(_IDS))
        for row, name in zip(table.rows, table.names, strict=True):
            row.insert(0, name)
    if rng.random() < 0.6:
        fault = rng.choice(_FAULTS)
        fault(table, rng)
    _write(table, sign, script, rng)
    return table


def _features(rng: random.Random, sign: str) -> Table:
    width, count = rng.randint(1, 6), rng.randint(3, 60)
    values = np.array([[round(rng.gauss(0, 3000), 3) for _ in range(width)] for _ in range(count)])
    values[0, 0] = 12345.67  # says which sign stands before decimals, whatever the others are
    header = ["Größe" if at == 1 else f"f{at}" for at in range(width)]
    comma, thousands = rng.random() < 0.4, rng.random() < 0.3
    rows = [[_number(value, comma, thousands) for value in row] for row in values.tolist()]
    return Table(header, rows, "row", list(header), values=values)


def _number(value: float, comma: bool, thousands: bool) -> str:
    text = f"{value:,}" if thousands else f"{value}"
    return text.translate(str.maketrans(".,", ",.")) if comma else text


def _texts(rng: random.Random, script: str) -> Table:
    space = "" if script in ("zh", "ja", "th") else " "

    def text() -> str:
        words = space.join(rng.choice(WORDS[script]) for _ in range(rng.randint(4, 15)))
        extra = rng.choice(("", "", "", "\nanother line, too", "\x00", "\x1b[0m", "\t", '"'))
        return words + extra

    header = rng.choice((["text"], ["Text"], ["title", "body"], ["text", "stars"], ["review"]))
    rows = [[str(rng.randint(1, 5)) if column == "stars" else text() for column in header] for _ in range(12)]
    return Table(list(header), rows, "text", [name for name in header if name != "stars"])


def _add(table: Table, name: str, cells: list[str], rng: random.Random) -> None:
    table.header.append(name)
    for row, cell in zip(table.rows, cells, strict=True):
        row.append(cell)


def _missing(table: Table, rng: random.Random) -> None:
    """A cell without a value: fatal among numbers, unless the median is asked for."""
    if table.values is None or len(table.header) == 1:
        return
    at = table.header.index(table.shown[-1])
    row = rng.randrange(1, len(table.rows))
    table.rows[row][at] = rng.choice(_MISSING)
    table.values[row, -1] = np.nan
    table.median = rng.random() < 0.5
    if not table.median:
        table.sentence = f"column {table.shown[-1]!r}: .*\\(1 of .* --missing median"


def _word(table: Table, rng: random.Random) -> None:
    if table.values is not None:
        table.rows[1][table.header.index(table.shown[-1])] = "unknown"
        table.sentence = f"column {table.shown[-1]!r}: 'unknown' is not a finite number"


def _category(table: Table, rng: random.Random) -> None:
    if table.values is not None:
        said = [rng.choice(("yes", " no")) for _ in table.rows]
        _add(table, "smoker", said, rng)
        found = sorted(set(map(str.strip, said)))
        table.shown.append("smoker")
        table.values = np.column_stack([table.values, *([word.strip() == name for word in said] for name in found)])
        if 2 * len(found) > len(said):
            table.sentence = "column 'smoker': '(yes|no)' is a word, .* too many for categories .* --kind text"


def _twice(table: Table, rng: random.Random) -> None:
    if table.names is not None:
        table.rows[2][0] = table.rows[0][0]
        table.sentence = "10 occurs in lines "


def _ragged(table: Table, rng: random.Random) -> None:
    if len(table.header) > 1:
        table.rows[-1] = table.rows[-1][:-1]
        table.sentence = f"line .*: {len(table.header) - 1} of {len(table.header)} cells"
        if len(table.header) == 2:
            table.rows[-1][0] = "short"  # a blank line would be passed over


def _no_rows(table: Table, rng: random.Random) -> None:
    table.rows, table.sentence = [], "holds no rows"


def _nothing(table: Table, rng: random.Random) -> None:
    table.header, table.rows, table.sentence = [], [], "holds no rows"


def _same_column(table: Table, rng: random.Random) -> None:
    _add(table, table.shown[0], ["1" for _ in table.rows], rng)
    table.sentence = "a name of its own"


_FAULTS: tuple[Callable[[Table, random.Random], None], ...] = (
    *(_missing, _missing, _missing, _missing, _word, _category, _twice, _twice),
    *(_ragged, _no_rows, _nothing, _same_column),
)


def _write(table: Table, sign: str, script: str, rng: random.Random) -> None:
    """Turns the cells into bytes: quotes, line ends, blank lines and an encoding."""
    out, end = io.StringIO(), rng.choice(("\n", "\r\n", "\r"))
    # The csv module does not quote \n by itself if lines end with \r.
    quoted = end == "\r" or rng.random() < 0.3
    writer = csv.writer(out, delimiter=sign, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    blank = rng.random() < 0.3
    for number, row in enumerate([table.header, *table.rows] if table.header else []):
        writer.writerow(row)
        if blank and number % 5 == 1:
            out.write(end)
    text = out.getvalue()
    encodings = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
    single = _SINGLE_BYTE.get(script if table.kind == "text" else "de", "utf-8")
    encoding = rng.choice([*encodings, single, single])
    try:
        table.data = text.encode(encoding)
    except UnicodeEncodeError:
        encoding, table.data = "utf-8", text.encode()
    table.found = (encoding, sign)
