"""A class of one's own is identified by its name: runs of two versions of it are never mixed in one folder."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iale.benchmark._own_code import own_code
from iale.benchmark.grid import GridConfig
from iale.benchmark.runner import run_grids
from iale.classifiers.base import TrainingConfig
from iale.errors import StorageError
from iale.learner import CycleConfig
from iale.policies.catalog import find_strategy
from iale.reports import write_report

STRATEGY = """
from iale import ScoringStrategy

class Mine(ScoringStrategy):
    name = "mine"

    def score(self, context):
        return {sign}context.candidates.probs.max(dim=1).values
"""
MODEL = """
from torch import nn

def net(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, {width}), nn.ReLU(), nn.Linear({width}, classes))
"""
GRID = GridConfig(
    dataset="digits",
    classifier="mlp",
    strategies=("random", "mine_for_code:Mine"),
    seeds=1,
    test_size=50,
    cycle=CycleConfig(labeling_budget=30),
    training=TrainingConfig(epochs=1, device="cpu"),
)
NETWORK = replace(GRID, classifier="auto", strategies=("random",), model="net_for_code:net")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    write("mine_for_code", STRATEGY.format(sign="-"), monkeypatch)
    write("net_for_code", MODEL.format(width=4), monkeypatch)


def write(module: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(f"{module}.py").write_text(text)
    monkeypatch.delitem(sys.modules, module, raising=False)


def records(grid: GridConfig) -> list[dict[str, object]]:
    return [json.loads(line) for line in run_grids(grid, Path("runs"), progress=False).read_text().splitlines()]


def test_a_record_tells_the_code_of_ones_own_and_of_nothing_else() -> None:
    digest = hashlib.sha256(Path("mine_for_code.py").read_bytes()).hexdigest()
    assert [record.get("code") for record in records(GRID)] == [None, {"Mine": digest}]
    own = replace(NETWORK, optimizer="torch.optim:AdamW")
    assert set(records(own)[-1]["code"]) == {"net"}  # type: ignore[call-overload]


@pytest.mark.parametrize("seeds", [{"seeds": 1}, {"seeds": 2}, {"first_seed": 5}])
def test_a_strategy_that_was_changed_is_not_mixed_with_what_it_was(
    seeds: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = records(GRID)
    write("mine_for_code", STRATEGY.format(sign=""), monkeypatch)
    with pytest.raises(StorageError, match=r"runs holds 1 run of Mine that other code made"):
        records(replace(GRID, **seeds))
    assert records(replace(GRID, strategies=("random",))) == before  # its own code is not asked for
    write("mine_for_code", STRATEGY.format(sign="").replace("Mine", "Other"), monkeypatch)
    assert len(records(replace(GRID, strategies=("random", "mine_for_code:Other")))) == 3


def test_a_strategy_whose_helper_was_changed_is_not_mixed_with_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    helped = "from helper_for_code import sign\n" + STRATEGY.replace("{sign}", "sign * ")
    for value in (1, -1):
        write("mine_for_code", helped, monkeypatch)
        write("helper_for_code", f"import json, torch\nsign = {value}\n", monkeypatch)
        if value == 1:
            before = records(GRID)
            assert records(GRID) == before
    with pytest.raises(StorageError, match=r"runs holds 1 run of Mine that other code made"):
        records(GRID)


def test_modules_of_a_package_and_those_above_them_belong_to_the_code() -> None:
    files = {
        "own_for_code/__init__.py": "",
        "own_for_code/deep/mine.py": "from .. import near\n" + STRATEGY.format(sign="-"),
        "own_for_code/near.py": "import own_for_code.far as far\n",
        "own_for_code/far.py": "from . import near\n",
        "own_for_code/unused.py": "",
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    mine = find_strategy("own_for_code.deep.mine:Mine")
    before = own_code(GRID, mine.name, mine)
    for name in files:
        Path(name).write_text(files[name] + "# changed\n")
        after = own_code(GRID, mine.name, mine)
        assert (after == before) == name.endswith("unused.py"), name
        Path(name).write_text(files[name])


def test_a_report_does_not_mix_two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    records(GRID)
    write("mine_for_code", STRATEGY.format(sign=""), monkeypatch)
    run_grids(replace(GRID, first_seed=5), Path("more"), progress=False)
    with pytest.raises(StorageError, match="runs of Mine were made by two versions of its code"):
        write_report([Path("runs"), Path("more")], Path("report"))
    assert write_report(Path("more"), Path("report"))


def test_a_model_that_was_changed_is_not_mixed_with_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    records(NETWORK)
    write("net_for_code", MODEL.format(width=8), monkeypatch)
    with pytest.raises(StorageError, match="of net that other code made"):
        records(NETWORK)


MADE_ELSEWHERE = {
    "partial": "import functools\n" + MODEL.format(width="width").replace("classes", "classes, width", 1) + "\n"
    "thing = functools.partial(net, width={number})\n",
    "loss": "from torch import nn\nthing = nn.CrossEntropyLoss(label_smoothing=0.{number})\n",
    "strategy": "from iale.strategies import STRATEGIES, Power\n"
    "def thing():\n    return Power(STRATEGIES['entropy'](), beta={number})\n",
}


@pytest.mark.parametrize("kind", MADE_ELSEWHERE)
def test_what_a_module_makes_of_the_code_of_a_library_belongs_to_that_module(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "made_for_code:thing"
    grid = {
        "loss": replace(NETWORK, loss=name),
        "strategy": replace(GRID, strategies=(name,)),
    }.get(kind, replace(NETWORK, model=name))
    write("made_for_code", MADE_ELSEWHERE[kind].format(number=4), monkeypatch)
    before = records(grid)
    assert records(grid) == before
    write("made_for_code", MADE_ELSEWHERE[kind].format(number=5), monkeypatch)
    with pytest.raises(StorageError, match="1 run of thing that other code made"):
        records(grid)
