from __future__ import annotations

import ast
import inspect
import pickle
import re
import tomllib
from pathlib import Path

import pytest

from iale import errors

KINDS = [member for _, member in inspect.getmembers(errors, inspect.isclass)]
ERRORS = [kind for kind in KINDS if not issubclass(kind, Warning)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_one_of_ours_and_survives_the_way_between_processes(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.IaleError | errors.IaleWarning)
    copy = pickle.loads(pickle.dumps(kind("a sentence: what to do.")))
    assert type(copy) is kind
    assert str(copy) == "a sentence: what to do."


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(?:[├└]── |^ {4}(?=\w))(\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)
    assert issubclass(errors.UnknownNameError, errors.ConfigError)


def test_errors_are_also_the_builtin_kind_that_callers_expect() -> None:
    for error in ERRORS:
        assert issubclass(error, OSError) == (error is errors.StorageError)
        assert issubclass(error, ValueError) == (error not in (errors.StorageError, errors.IaleError))


def test_what_is_told_to_install_is_on_a_package_index() -> None:
    """Whoever lacks a package has no use for an extra of iale, which is on none."""
    root = Path(__file__).parents[1]
    texts = [path.read_text(encoding="utf-8") for path in (root / "src" / "iale").rglob("*.py")]
    assert not any("install iale[" in text or "install 'iale[" in text for text in texts)
    calls = [node for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    told = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "to_install"]
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    known = {re.split("[<>=]", package)[0] for packages in extras.values() for package in packages}
    named = {argument.value for arguments in told for argument in arguments if isinstance(argument, ast.Constant)}
    assert named
    assert named <= known
