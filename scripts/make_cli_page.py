"""Writes the tables of options in docs/cli.md from the options of every command.

    python scripts/make_cli_page.py

A table stands between ``<!-- options: COMMAND -->`` and ``<!-- end -->``; the rest of the page is written by hand.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from iale.cli._bench import BenchOptions
from iale.cli._data import DataOptions
from iale.cli._demo import DemoOptions
from iale.cli._embed import EmbedOptions
from iale.cli._export import ExportOptions
from iale.cli._invite import InviteOptions
from iale.cli._label import LabelOptions
from iale.cli._main import SUMMARIES
from iale.cli._options import listing
from iale.cli._policies import PoliciesOptions
from iale.cli._query import QueryOptions
from iale.cli._repair import RepairOptions
from iale.cli._report import ReportOptions
from iale.cli._run import RunOptions
from iale.cli._status import StatusOptions
from iale.cli._train import TrainAlilOptions, TrainOptions, TrainUniversalOptions
from iale.integrations.label_studio import LoopConfig

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
OPTIONS: dict[str, type] = {
    "demo": DemoOptions,
    "query": QueryOptions,
    "embed": EmbedOptions,
    "label": LabelOptions,
    "label-invite": InviteOptions,
    "status": StatusOptions,
    "repair": RepairOptions,
    "export": ExportOptions,
    "label-studio": LoopConfig,
    "run": RunOptions,
    "report": ReportOptions,
    "bench": BenchOptions,
    "train": TrainOptions,
    "train-universal": TrainUniversalOptions,
    "train-alil": TrainAlilOptions,
    "policies": PoliciesOptions,
    "data": DataOptions,
}
PREFIXED = {"train": ("state",)}
BLOCK = re.compile(r"(<!-- (commands|options: [\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def commands() -> str:
    """The table of all commands."""
    rows = [f"| [`iale {name}`](#iale-{name}) | {summary} |" for name, summary in SUMMARIES.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def options(command: str) -> str:
    """The table of a command's options."""
    lines = ["| option | value | default | meaning |", "|---|---|---|---|"]
    for flag, value, default, meaning in listing(OPTIONS[command], PREFIXED.get(command, ())):
        cells = [f"`{flag}`", f"`{value}`", default if default == "required" else f"`{default}`", meaning]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def fill(page: str) -> str:
    """The page with every table made anew."""

    def block(found: re.Match[str]) -> str:
        what = found[2]
        table = commands() if what == "commands" else options(what.removeprefix("options: "))
        return f"{found[1]}\n{table}\n\n{found[3]}"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
