from __future__ import annotations

import json
from typing import Any

import pytest

from iale._implied import complete
from iale.benchmark._views import typed
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.cli._options import parse
from iale.cli._run import RunOptions
from iale.errors import ConfigError
from iale.learner import CycleConfig


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seeds": 0}, "the number of seeds must be at least 1, not 0"),
        ({"strategies": ()}, "no strategies were named"),
        ({"strategies": ("margin", "margin")}, "name one twice"),
        ({"pools": ()}, "no pools were named"),
        ({"pools": ("half",)}, "unknown pool 'half'"),
        ({"cycle": CycleConfig(subset_size=None)}, "the pool 'subset' needs a subset size"),
        ({"pool_size": 999}, "the labeling budget 1000 is larger than the pool of 999"),
        ({"test_size": 0}, "the test size must be at least 1, not 0"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        GridConfig(**options)


def test_by_default_all_eight_strategies_run() -> None:
    assert len(GridConfig().strategies) == 8


def test_runs_go_seed_by_seed_through_all_pools_and_strategies() -> None:
    config = GridConfig(strategies=("a", "b"), pools=("subset", "whole"), seeds=2, first_seed=5)
    runs = list(config.runs())
    assert runs[:5] == [
        ("a", "subset", 5),
        ("b", "subset", 5),
        ("a", "whole", 5),
        ("b", "whole", 5),
        ("a", "subset", 6),
    ]
    assert len(runs) == 8


def test_the_whole_pool_is_the_same_cycle_without_a_sub_pool() -> None:
    config = GridConfig(cycle=CycleConfig(labeling_budget=50, subset_size=30))
    assert config.cycle_of("subset") == config.cycle
    assert config.cycle_of("whole") == CycleConfig(labeling_budget=50, subset_size=None)


def test_resolved_is_json_and_names_the_device_that_auto_found() -> None:
    values = GridConfig(training=TrainingConfig(device="auto")).resolved()
    assert values["training"]["device"] in ("cpu", "cuda")
    assert json.loads(json.dumps(values)) == values


def test_embeddings_are_for_a_linear_head_unless_another_classifier_is_named() -> None:
    """As in `iale query` and `iale label`; kept configurations name the classifier that it came to."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "cnn"),
        ({"embeddings": "built-in"}, "linear"),
        ({"embeddings": "built-in", "classifier": "mlp"}, "mlp"),
        ({"embeddings": "built-in", "classifier": "cnn"}, "cnn"),
    ]
    for options, name in cases:
        words = [f"--{flag}={value}" for flag, value in options.items()]
        config = parse(RunOptions, ["--out", "records", *words], prog="iale run").config
        assert config.classifier_name == config.described("margin", "subset", 0)["classifier"] == name
        assert GridConfig(**options).resolved()["classifier"] == name


@pytest.mark.parametrize("option", ["geometry", "embeddings"])
def test_kept_records_that_say_built_in_are_of_pixels(option: str) -> None:
    """The built-in geometry was one of pixels when they were made."""
    found = {}
    for view, name in {"pixels": "built-in", "built-in": "built-in 2"}.items():
        options: dict[str, Any] = {option: view}
        found[view] = GridConfig(**options).described("uherding", "whole", 0)
        assert complete(found[view])[option] == name
        assert typed(found[view])[option] == view
    assert found["pixels"] != found["built-in"]


def test_embeddings_leave_nothing_to_say_of_the_geometry() -> None:
    one, other = (GridConfig(embeddings="built-in", geometry=view) for view in ("built-in", "pixels"))
    assert one.described("margin", "whole", 0) == other.described("margin", "whole", 0)
    assert typed(one.described("margin", "whole", 0))["geometry"] == "built-in"
