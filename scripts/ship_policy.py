"""Adds policies that `iale bench` trained to those that come with iale.

    python scripts/ship_policy.py runs/bench/standard NAME [MORE …]

Each is the one in policies/NAME. `make results` then writes into its card what the records in results/ say about it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from iale import _storage as storage
from iale.policies._files import CARD, PRETRAINED, WEIGHTS
from iale.policies.saved import load_policy


def main(bench: Path, names: list[str]) -> None:
    """Copies the policies' folders, if they are whole; the card comes last."""
    for name in names:
        folder = bench / "policies" / name / "policy"
        load_policy(folder)
        for file in (WEIGHTS, CARD):
            storage.write_bytes(PRETRAINED / name / file, storage.read_bytes(folder / file))
        print(f"{name}: now pack its runs with scripts/pack_records.py and run `make results`")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    main(arguments.bench, arguments.names)
