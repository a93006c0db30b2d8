"""What Uncertainty Herding would gain if it saw labels more often: what a better rule for a batch can gain at most.

    python scripts/fresh_labels.py [--seeds 5] [--out FILE]

The runs are those of `herding_by_hand.py`, but in the built-in geometry, which is patches for images. Runs that ask for
fewer samples at a time are compared where the longest acquisitions have their fits. Finished runs are in the file and
are not played again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from herding_by_hand import play
from herding_variants import VARIANTS
from iale._storage import read_lines
from iale.benchmark._views import BUILT_IN
from replay import FAMILIES, load

SIZES = {200: (10, 5, 2), 320: (50, 25, 10)}
"""Samples of an acquisition, by the number of labels at the end; the first is the usual one."""


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/universal/fresh.jsonl"))
    options = parser.parse_args()
    known = list(read_lines(options.out)) if options.out.exists() else []
    done = {(own["family"], own["seed"], own["last"], own["batch"]) for own in known}
    for family in FAMILIES:
        data = load(family, BUILT_IN)
        for seed in range(options.seeds):
            for last, sizes in SIZES.items():
                for batch in sizes:
                    if (family, seed, last, batch) in done:
                        continue
                    curve = play(data, seed, {"uherding": VARIANTS["uherding"]}, batch, last)["uherding"]
                    where = {"family": family, "seed": seed, "last": last, "batch": batch}
                    with open(options.out, "a", encoding="utf-8") as file:
                        file.write(json.dumps({**where, "accuracy": curve[:: sizes[0] // batch]}) + "\n")


if __name__ == "__main__":
    main()
