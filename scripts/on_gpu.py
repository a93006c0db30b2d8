"""What only a GPU can tell, in pieces, the most important first; run it again with the same OUT to go on.

    python scripts/on_gpu.py OUT [--minutes 12] [--cpu]

1. checks: the tests marked cuda.
2. states: look-ahead states of the universal policy whose classifier is a CNN, on MNIST and KMNIST.
3. stacked: CNNs trained side by side, the limits of the machine, and the minutes that a policy of the paper's size
   would take, from three of its episodes (benchmarks/stacked.py).

Each piece has a share of the minutes that are left, and is stopped after that; what it wrote by then stays. OUT gets
the output of each piece, and steps.json with exit codes and seconds. --cpu tries the script itself, with little of
each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Piece:
    """One thing to run.

    Attributes:
        name: of its log.
        command: after the interpreter.
        share: of the minutes that are left when it starts.
    """

    name: str
    command: tuple[str, ...]
    share: float


def pieces(out: Path, *, small: bool) -> tuple[Piece, ...]:
    """All pieces, in order."""
    states = ("--states", "12" if small else "600", "--states-per-task", "1" if small else "6", "--rounds", "1")
    sources = "digits" if small else "mnist,kmnist-10k"
    shares = ("--cnn", "1", "--mlp", "0", "--synthetic", "0", "--sources", sources, "--out", str(out / "states"))
    shares += ("--proposals", "11", "--scoring-size", "100", "--redraws", "1") if small else ()
    fewer = ("--rounds", "1", "--epochs", "1") if small else ("--rounds", "3")
    return (
        Piece("checks", ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "cuda", "tests/classifiers"), 0.2),
        Piece("states", ("-m", "iale", "train", "--policy", "universal", *states, *shares), 0.6),
        Piece("stacked", ("benchmarks/stacked.py", *fewer), 1.0),
    )


def play(piece: Piece, out: Path, seconds: float) -> dict[str, float | int | None]:
    """Runs a piece for so many seconds at most; no exit code means that it was stopped."""
    start = time.monotonic()
    with (out / f"{piece.name}.log").open("wb") as log:
        try:
            command = (sys.executable, *piece.command)
            done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=seconds, check=False)
            code: int | None = done.returncode
        except subprocess.TimeoutExpired:
            code = None
    return {"code": code, "seconds": round(time.monotonic() - start, 1)}


def main() -> None:
    """Plays what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    kept = out / "steps.json"
    steps = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for piece in pieces(out, small=options.cpu):
        if steps.get(piece.name, {}).get("code") in (0, 5):  # 5: pytest found no test
            continue
        steps[piece.name] = play(piece, out, piece.share * max(1.0, end - time.monotonic()))
        kept.write_text(json.dumps(steps, indent=1), encoding="utf-8")
        print(piece.name, steps[piece.name], flush=True)


if __name__ == "__main__":
    main()
