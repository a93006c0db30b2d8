from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iale.classifiers.build import CLASSIFIERS
from iale.errors import ConfigError, UnknownNameError
from iale.registry import Registry, import_object
from iale.strategies.catalog import STRATEGIES


def test_a_name_is_imported_when_it_is_used_and_not_before() -> None:
    sys.modules.pop("colorsys", None)
    registry = Registry[Callable[..., object]](
        "conversion", {"hls": "colorsys:rgb_to_hls", "nowhere": "no.such.module:thing"}
    )
    assert "hls" in registry
    assert list(registry) == ["hls", "nowhere"]
    assert "colorsys" not in sys.modules
    assert registry["hls"](1.0, 1.0, 1.0) == (0.0, 1.0, 0.0)
    assert registry["hls"] is sys.modules["colorsys"].rgb_to_hls


def test_an_unknown_name_lists_the_known_ones_and_the_closest() -> None:
    registry = Registry[float]("shape", {"circle": "math:pi", "square": "math:e"})
    with pytest.raises(UnknownNameError, match=r"^unknown shape 'sqare': did you mean 'square'\? the known ones are"):
        registry["sqare"]
    with pytest.raises(UnknownNameError, match=r"^unknown shape 'xyz': the known ones are circle, square\.$"):
        registry["xyz"]


def test_anyone_may_add_a_name_but_not_take_one() -> None:
    registry = Registry[float]("shape", {"circle": "math:pi"})
    registry.register("line", 1.0)
    registry.register("tau", "math:tau")
    assert registry["line"] == 1.0
    assert registry["tau"] == pytest.approx(6.283185)
    with pytest.raises(ConfigError, match="the shape 'circle' exists already"):
        registry.register("circle", 2.0)
    assert registry["circle"] == pytest.approx(3.141593)


@pytest.mark.parametrize("registry", [STRATEGIES, CLASSIFIERS])
def test_every_shipped_name_leads_somewhere(registry: Registry[Any]) -> None:
    for name in registry:
        assert callable(registry[name])


def test_a_file_is_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "named_by_file").mkdir()
    for name in ("near.py", "named_by_file/far.py"):
        (tmp_path / name).write_text("number = 7\n")
    for file, module in (("near.py", "near"), ("./named_by_file/far.py", "named_by_file.far")):
        with pytest.raises(ConfigError, match=rf"the model {file}:number names a file: .*, {module}:number\.$"):
            import_object(f"{file}:number", "model")
    assert import_object("named_by_file.far:number", "model") == 7
