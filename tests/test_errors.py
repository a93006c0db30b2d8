from __future__ import annotations

import inspect
import pickle
import re

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
