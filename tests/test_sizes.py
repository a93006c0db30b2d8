"""Files and functions stay small, and `Any` stays rare."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "iale"
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
LARGEST_FILE, MEDIAN_FILE, LONGEST_FUNCTION, MOST_PARAMETERS, MOST_ANY = 350, 110, 50, 7, 150


def functions(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([each for each in every if each.arg not in ("self", "cls")])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_and_its_functions_are_small(path: Path) -> None:
    assert len(TEXTS[path].splitlines()) <= LARGEST_FILE
    for function in functions(TEXTS[path]):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno < LONGEST_FUNCTION, function.name
        assert parameters(function) <= MOST_PARAMETERS, function.name


def test_most_files_are_short() -> None:
    assert statistics.median(len(text.splitlines()) for text in TEXTS.values()) <= MEDIAN_FILE


def test_any_is_rare() -> None:
    assert sum(len(re.findall(r"\bAny\b", text)) for text in TEXTS.values()) < MOST_ANY
