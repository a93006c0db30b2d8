"""Sentences with figures: a text with {placeholders} becomes a page, and no other digit may stand in it unexplained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path

_PLACEHOLDER = re.compile(r"\{([^{}\n]+)\}")
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\]\([^)\n]*\)")  # where a link leads

Figure = Callable[[str], str]


def fill(text: str, figure: Figure) -> str:
    """``text`` with every {placeholder} replaced by the figure of that name."""
    return _PLACEHOLDER.sub(lambda found: figure(found[1]), text)


def loose_numbers(text: str, explained: Collection[str]) -> list[str]:
    """The numbers in a text that no record explains.

    Left out are placeholders, code, the targets of links, and the phrases in ``explained``, which are no results.
    """
    for pattern in (_CODE, _PLACEHOLDER, _TARGET):
        text = pattern.sub(" ", text)
    text = " ".join(text.split())
    for phrase in sorted(explained, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.,]){re.escape(phrase)}(?![\w]|[.,]\d)", " ", text)
    return _NUMBER.findall(text)


def speeds(folder: Path) -> Figure:
    """Figures from the recorded results of the benchmarks: {FILE PATH FORMAT}, as in {queries results.badge_k10 .0f}.

    PATH names the keys from the top of FILE.json, joined by dots, and FORMAT is one of `format`. Of the ways in which
    iale trains side by side, FORMAT "fastest" tells the better one.
    """

    def figure(name: str) -> str:
        file, path, form = name.split()
        value = json.loads((folder / f"{file}.json").read_bytes())
        for key in path.split("."):
            value = value[key]
        return f"{max(value['workers'], value['threads']):.1f}" if form == "fastest" else format(value, form)

    return figure
