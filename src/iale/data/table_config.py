"""How a table is read; whatever is not said is found, and what was found is printed."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, fields, replace
from typing import Literal

from iale.errors import ConfigError

_ONE_OF = {
    "kind": ("the kind of a table", ("auto", "text", "features")),
    "decimal": ("the decimal sign of a table", ("auto", "point", "comma")),
    "missing": ("what is missing in a table", ("error", "median")),
}
_NAMED = {"text_column": "a text column", "id_column": "an id column", "label_column": "a label column"}
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """How a table (.csv, .tsv or .txt, with a line of column names) is read.

    Attributes:
        kind: what the rows of a table are: "text", or "features" if every column holds numbers or a few categories; by
            default iale decides, and asks if it is not clear.
        delimiter: what separates the cells of a table: comma, semicolon, tab or pipe; detected by default.
        encoding: of a table, such as utf-8 or cp1252; detected by default.
        decimal: the decimal sign in a table: point or comma; detected by default.
        text_column: the column that holds the texts; by default the column text, or else all columns together. ""
            takes all of them.
        id_column: the column that names the rows; by default sample or id. "" numbers the rows from 0.
        label_column: the column of labels, which is neither shown nor used as an input; by default label or labels. ""
            says that there is none.
        missing: what to do about a missing cell: error names it; median fills in the median of the column (for a
            category, 0 for all its words).
    """

    kind: Literal["auto", "text", "features"] = "auto"
    delimiter: str = "auto"
    encoding: str = "auto"
    decimal: Literal["auto", "point", "comma"] = "auto"
    text_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    missing: Literal["error", "median"] = "error"

    def __post_init__(self) -> None:
        for name, what in _NAMED.items():
            if not isinstance(column := getattr(self, name), str | None):
                raise ConfigError(f"{what} is named by text, not {column!r:.40}.")
        for name, (what, known) in _ONE_OF.items():
            if (value := getattr(self, name)) not in known:
                *first, last = known
                raise ConfigError(f"{what} is {', '.join(first)} or {last}, not {value!r:.40}.")
        named = {sign: name for name, sign in _DELIMITERS.items()}
        object.__setattr__(self, "delimiter", named.get(self.delimiter, self.delimiter))
        if self.delimiter not in ("auto", *_DELIMITERS):
            raise ConfigError(f"the delimiter of a table is {', '.join(_DELIMITERS)} or auto, not {self.delimiter!r}.")
        if self.encoding != "auto":
            try:
                codecs.lookup(self.encoding)
            except (LookupError, TypeError):
                raise ConfigError(f"there is no encoding {self.encoding!r}: utf-8, utf-16 or cp1252, say.") from None

    @property
    def sign(self) -> str | None:
        """The character that separates cells, or None if it is to be found."""
        return _DELIMITERS.get(self.delimiter)

    def then(self, given: TableConfig) -> TableConfig:
        """How the same table is read from now on; raises ConfigError if ``given`` says something else.

        Only ``missing`` may change: a table may grow, and the first missing cell may come later.
        """
        default = TableConfig()
        for field in fields(self):
            name = field.name
            asked, before = getattr(given, name), getattr(self, name)
            if name != "missing" and asked not in (getattr(default, name), before):
                raise ConfigError(
                    f"the table was read with the {name.replace('_', ' ')} {before or 'none'}, which cannot change: "
                    f"name another folder to use {asked or 'none'}."
                )
        return replace(self, missing=given.missing) if given.missing != default.missing else self
