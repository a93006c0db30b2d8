"""Sentences with figures: a text with {placeholders} becomes a page, and no other digit may stand in it unexplained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"\{([^{}\n]+)\}")
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\]\([^)\n]*\)")  # where a link leads
_AIM = re.compile(r"(>=|<=|<)([\d.]+)")

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
    iale trains side by side, FORMAT "fastest" tells the better one. FORMAT ">=10", "<=10" or "<10" names a target, and
    tells whether it was reached.
    """

    def figure(name: str) -> str:
        file, rest = name.split(maxsplit=1)
        path, form = rest.rsplit(maxsplit=1)
        value = _at(json.loads((folder / f"{file}.json").read_bytes()), path)
        if found := _AIM.fullmatch(form):
            return _aimed(value, found[1], float(found[2]))
        return f"{max(value['workers'], value['threads']):.1f}" if form == "fastest" else format(value, form)

    return figure


def _at(value: Any, path: str) -> Any:
    """What lies at a path; keys may hold dots and spaces."""
    while path:
        key = next((key for key in value if f"{path}.".startswith(f"{key}.")), path)
        value, path = value[key], path[len(key) + 1 :]
    return value


def _aimed(value: float, sign: str, limit: float) -> str:
    word, reached = {
        ">=": ("at least", value >= limit),
        "<=": ("at most", value <= limit),
        "<": ("below", value < limit),
    }[sign]
    return f"{word} {limit:,g}: {'reached' if reached else 'not reached'}"
