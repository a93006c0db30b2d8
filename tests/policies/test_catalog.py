from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from iale import QueryContext, ScoringStrategy
from iale.benchmark._content import label
from iale.data import catalog as datasets
from iale.errors import ConfigError, PolicyError
from iale.policies import catalog
from iale.policies._files import PRETRAINED
from iale.policies.catalog import find_strategy
from iale.strategies import Need
from iale.strategies.random import Random
from iale.strategies.uncertainty import Margin

_MODULE = """
from iale import ScoringStrategy
from iale.strategies.uncertainty import Entropy

class Mine(Entropy):
    name = "mine"

class Needs(Entropy):
    def __init__(self, width):
        self.width = width

class Fails(Entropy):
    def __init__(self):
        raise RuntimeError("there are no weights")

class Nameless(ScoringStrategy):
    def score(self, context):
        return context.candidates.probs[:, 0]

number = 3
"""


@pytest.fixture(autouse=True)
def _own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_strategies.py").write_text(_MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("own_strategies", None)


def test_a_class_of_ones_own_is_found_in_the_current_folder_and_called_by_its_name() -> None:
    assert find_strategy("own_strategies:Mine").name == "mine"
    assert label("own_strategies:Mine") == "Mine"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("own_strategies:Needs", "cannot be made without arguments"),
        ("own_strategies:Fails", r"cannot be made without arguments \(RuntimeError: there are no weights\)"),
        ("own_strategies:number", "is of the type int, not a strategy"),
        ("own_strategies:Nameless", "Nameless has no name: give the class one, as in name = 'nameless'"),
        ("own_strategies:nope", "cannot be imported"),
        ("nowhere:Nope", "cannot be imported"),
        (":Nope", "is not written as package.module:name"),
    ],
)
def test_what_is_no_strategy_is_said_in_one_sentence(target: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        find_strategy(target)


def test_a_strategy_without_a_name_is_refused_as_an_object_too() -> None:
    class Nameless(ScoringStrategy):
        def score(self, context: QueryContext) -> Tensor:
            return context.candidates.probs[:, 0]

    with pytest.raises(ConfigError, match="Nameless has no name"):
        find_strategy(Nameless())


@pytest.mark.parametrize("needs", [Need.GEOMETRY, [Need.GEOMETRY], {"geometry"}, None])
def test_a_strategy_whose_needs_are_no_set_of_needs_is_refused(needs: Any) -> None:
    class Careless(Margin):
        pass

    Careless.needs = needs
    with pytest.raises(ConfigError, match=r"Careless needs .*, which is no set of iale.strategies.Need: write needs ="):
        find_strategy(Careless())
    Careless.needs = frozenset({Need.GEOMETRY})
    assert find_strategy(Careless()).needs == {Need.GEOMETRY}


def test_the_folder_of_a_policy_may_be_a_path() -> None:
    shipped = PRETRAINED / "mnist-mlp"
    assert find_strategy(shipped).name == find_strategy(str(shipped)).name
    with pytest.raises(PolicyError, match="nowhere is not a policy"):
        find_strategy(Path("nowhere"))


def test_packages_add_strategies_and_data_sets_by_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    added = {
        catalog._GROUP: [EntryPoint("closest", "iale.strategies.uncertainty:Margin", catalog._GROUP)],
        datasets._GROUP: [EntryPoint("numbers", "iale.data._sources:digits", datasets._GROUP)],
    }
    for module in (catalog, datasets):
        monkeypatch.setattr(module, "entry_points", lambda group: added[group])
    monkeypatch.setattr(datasets.DATASETS, "_entries", dict(datasets.DATASETS._entries))
    assert isinstance(find_strategy("closest"), Margin)
    assert isinstance(find_strategy("random"), Random)
    assert datasets.load_dataset("numbers").name == "digits"
