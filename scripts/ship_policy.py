"""Puts a trained policy, with what it was measured to do elsewhere, among those that come with iale.

    python scripts/ship_policy.py RUN NAME REPORT

RUN is a folder that `iale train` made, REPORT one that `iale report` made; the report's rows of NAME go into the card.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from iale import storage
from iale.policies.catalog import PRETRAINED
from iale.policies.saved import load_card, load_policy, save_policy


def transfer(report: Path, name: str) -> list[dict[str, Any]]:
    """One entry for each panel of the report: the policy's AUC beside that of the others, with 95 % intervals."""
    entries = []
    for panel in storage.read_json(report / "summary.json")["panels"]:
        rows = {row["name"]: row for row in panel["strategies"]}
        entries.append({"on": panel["title"], "seeds": len(rows[name]["seeds"]), **_figures(rows[name])})
    return entries


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("auc", "against_random", "against_best") if key in row}


def main(run: Path, name: str, report: Path) -> None:
    """Writes the policy's folder."""
    card = load_card(run / "policy")
    save_policy(load_policy(run / "policy"), PRETRAINED / name, {**card, "transfer": transfer(report, name)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
