"""What a better rule could gain over Uncertainty Herding at most: controls that know what no strategy knows.

    python scripts/ceilings.py [--seeds 5] [--out FILE]

One asks for fewer samples at a time, so it sees labels more often. It is compared where the longest acquisitions have
their fits. One covers just the samples that the head gets wrong: no weights of samples could be better informed. One
lets candidates stand for samples of their own class only. The runs are those of `herding_by_hand.py`, but in the
built-in geometry, which is patches for images. Finished runs are in the file and are not played again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from herding_alike import one_class, standing_for
from herding_by_hand import play
from herding_variants import Variant, herding
from iale._storage import read_lines
from iale.benchmark._views import BUILT_IN
from replay import FAMILIES, Floats, State, load

SIZES = {200: (10, 5, 2), 320: (50, 25, 10)}
"""Samples of an acquisition, by the number of labels at the end; the first is the usual one."""
PERFECT, OWN = "perfect judge", "own class"


def wrong(state: State) -> Floats:
    """1 where the head is wrong."""
    answer: Floats = (state.logits.argmax(1) != state.truth).astype(np.float32)
    return answer


RUNS: list[tuple[int, int, str, Variant]] = [
    (last, batch, name, choose)
    for last, sizes in SIZES.items()
    for name, choose, own in (
        ("uherding", herding(), sizes),
        (PERFECT, herding(weigh=wrong), sizes[:1]),
        (OWN, standing_for(one_class), sizes[:1]),
    )
    for batch in own
]


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/universal/ceilings.jsonl"))
    options = parser.parse_args()
    known = list(read_lines(options.out)) if options.out.exists() else []
    done = {(own["family"], own["seed"], own["last"], own["batch"], own["variant"]) for own in known}
    for family in FAMILIES:
        data = load(family, BUILT_IN)
        for seed in range(options.seeds):
            for last, batch, name, choose in RUNS:
                if (family, seed, last, batch, name) in done:
                    continue
                curve = play(data, seed, {name: choose}, batch, last)[name][:: SIZES[last][0] // batch]
                where = {"family": family, "seed": seed, "last": last, "batch": batch, "variant": name}
                with open(options.out, "a", encoding="utf-8") as file:
                    file.write(json.dumps({**where, "accuracy": curve}) + "\n")


if __name__ == "__main__":
    main()
