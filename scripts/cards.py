"""What the cards of the shipped policies say about their results, from the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from iale import _storage as storage
from iale.benchmark._experiment import records_of
from iale.benchmark._experiments.catalog import EXPERIMENTS
from iale.benchmark._sizes import Size
from iale.benchmark.records import Record
from iale.policies._digest import weights_digest
from iale.policies._files import CARD, PRETRAINED
from iale.policies.saved import load_card, load_policy
from iale.reports._panels import Panel, panels
from iale.reports._sections import judged
from iale.reports._summary import Row, rows

COMPARED = ("fig3", "fig7", "fig8", "fig9", "fig10")
"""The experiments that compare shipped policies with other strategies in the same setting."""


Setting = tuple[Panel, list[Row]]


def compared_in(records: Sequence[Record], size: Size) -> list[Setting]:
    """The settings of these experiments, each with every strategy that any of them played there."""
    found = {record.key: record for name in COMPARED for record in records_of(EXPERIMENTS[name](size), records)}
    return [(panel, rows(panel)) for panel in sorted(panels(list(found.values())), key=lambda panel: panel.title)]


def transfer(found: Sequence[Setting], name: str) -> list[dict[str, object]]:
    """One entry for each setting: the policy's AUC, and its difference to Random and to the best heuristic there.

    p is corrected by Holm for all strategies of the setting that are compared with the same one.
    """
    entries = []
    for panel, compared in found:
        row = next((row for row in compared if row.name == name), None)
        if row is not None and panel.best_heuristic is not None:
            known = {"on": panel.title, "seeds": row.auc.count, "best_heuristic": panel.best_heuristic.name}
            figures = {"auc": asdict(row.auc), "against_random": judged(row.against_random)}
            entries.append({**known, **figures, "against_best": judged(row.against_best)})
    return [{key: rounded(value) for key, value in entry.items()} for entry in entries]


def rounded(value: object) -> object:
    """Every number with four digits, which is more than any interval is worth, and alike on every machine."""
    if isinstance(value, float):
        return float(f"{round(value, 12):.4g}")
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value


def card_of(folder: Path, found: Sequence[Setting]) -> dict[str, object]:
    """The card of a shipped policy with the digest that records name and with its measured results."""
    digest = weights_digest(load_policy(folder))
    return {**load_card(folder), "weights_sha256": digest, "transfer": transfer(found, folder.name)}


def write_cards(records: Sequence[Record], size: Size) -> None:
    """Brings the cards of all shipped policies up to date."""
    found = compared_in(records, size)
    for path in sorted(PRETRAINED.glob(f"*/{CARD}")):
        storage.write_json(path, card_of(path.parent, found))
