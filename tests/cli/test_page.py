"""docs/cli.md tells of every command and of all its options."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from iale.cli._main import SUMMARIES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli_page", ROOT / "scripts" / "make_cli_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_commands(maker: ModuleType) -> None:
    assert maker.fill(PAGE) == PAGE, "run python scripts/make_cli_page.py"


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_every_command_has_a_section_with_its_options(name: str, maker: ModuleType) -> None:
    assert f"\n## iale {name}\n" in PAGE
    assert f"<!-- options: {name} -->" in PAGE
    assert name in maker.OPTIONS


def test_the_sections_stand_in_the_order_of_the_help(maker: ModuleType) -> None:
    assert re.findall(r"^## iale ([\w-]+)$", PAGE, re.MULTILINE) == list(SUMMARIES)
    assert [name for name in maker.OPTIONS if name in SUMMARIES] == list(SUMMARIES)
