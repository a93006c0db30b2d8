"""Adds a policy that `iale bench` trained to those that come with iale, with its measured results.

    python scripts/ship_policy.py runs/bench/standard NAME EXPERIMENT [MORE …]

The policy is the one in policies/NAME; the figures in its card come from the reports of the named experiments.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from iale import _storage as storage
from iale.policies._files import PRETRAINED
from iale.policies.saved import load_card, load_policy, save_policy


def transfer(reports: list[Path], name: str) -> list[dict[str, Any]]:
    """One entry for each panel: the policy's AUC beside Random's and the best heuristic's, with 95 % intervals."""
    entries = {}
    for report in reports:
        for panel in storage.read_json(report / "summary.json")["panels"]:
            rows = {row["name"]: row for row in panel["strategies"]}
            if name in rows:
                figures = {k: rows[name].get(k) for k in ("auc", "against_random", "against_best")}
                best = {"best_heuristic": panel["best_heuristic"], "seeds": len(rows[name]["seeds"])}
                entries.setdefault(panel["title"], {"on": panel["title"], **best, **figures})
    return list(entries.values())


def main(bench: Path, name: str, experiments: list[str]) -> None:
    """Writes the policy's folder."""
    folder = bench / "policies" / name / "policy"
    measured = transfer([bench / experiment for experiment in experiments], name)
    save_policy(load_policy(folder), PRETRAINED / name, {**load_card(folder), "transfer": measured})
    print(f"{name}: measured on {', '.join(entry['on'] for entry in measured) or 'nothing yet'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
