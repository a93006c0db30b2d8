"""Benchmarks and scripts: nobody imports most of them, so nothing else notices what is wrong with one."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(file for folder in ("benchmarks", "scripts") for file in (ROOT / folder).glob("*.py"))
PREPARING = {"ArgumentParser", "add_argument", "simplefilter", "set_num_threads"}
PARSING = {"parse_args", "cli"}
STARTED = 'if __name__ == "__main__":'


@pytest.mark.parametrize("file", [file for file in FILES if STARTED in file.read_text()], ids=lambda file: file.stem)
def test_a_program_parses_its_arguments_before_it_does_anything(file: Path) -> None:
    """So `--help` never measures, plays or writes. Only a branch for a process of its own may look first."""
    tree = ast.parse(file.read_text())
    (block,) = [each for each in tree.body if isinstance(each, ast.If) and ast.unparse(each).startswith(STARTED[:10])]
    mains = {each.name: each.body for each in tree.body if isinstance(each, ast.FunctionDef)}
    statements = list(block.body)
    while statements:
        statement = statements.pop(0)
        called = set(_called(statement))
        if called & PARSING:
            return
        if called in ({"main"}, {"main", "exit"}):
            statements = [*mains["main"], *statements]
        elif not (isinstance(statement, ast.If) and "sys.argv" in ast.unparse(statement.test)):
            assert not called or called & PREPARING, f"line {statement.lineno} comes before the arguments"
    pytest.fail(f"{file.name} parses no arguments")


def _called(tree: ast.AST) -> Iterator[str]:
    """The last names of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_a_program_takes_from_iale_is_there(file: Path) -> None:
    tree, modules = ast.parse(file.read_text()), dict[str, ModuleType]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "iale":
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                found = getattr(module, alias.name)
                if isinstance(found, ModuleType):
                    modules[alias.asname or alias.name] = found
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), f"line {node.lineno}: {ast.unparse(node)}"
