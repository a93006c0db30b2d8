"""Rule 7 of docs/protocol.md: Uncertainty Herding for networks, with an uncertainty that is not the network's alone.

    python scripts/second_opinions.py [--out results/universal/opinions] [--families digits,mnist] [--seeds 3]

Runs of the MLP (or, with --classifier, of the CNN) of `iale bench geometry` from the whole pool, in the geometry of
pixels or (--geometry built-in) of patches. Finished runs are in the folder and are not played again.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from iale.benchmark._experiments.geometry import geometry
from iale.benchmark._sizes import SIZES
from iale.benchmark._views import NO_FILES, PIXELS
from iale.benchmark.runner import run_grids
from iale.classifiers import FitJob, LinearHead, TrainingConfig
from iale.classifiers._folds import enough_to_calibrate
from iale.classifiers.calibration import cross_validated, temperature
from iale.geometry.embeddings import PointSamples
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies._calibrated import calibrated_uncertainty
from iale.strategies._herd import greedy, look_at
from iale.strategies._kernel import Kernel, MixedKernel
from iale.strategies.base import Need, QueryContext, QueryStrategy
from replay import FAMILIES

VARIANTS = (
    "Folds",
    "HeadAlone",
    "MeanWithHead",
    "SumWithHead",
    "FoldsAndHead",
    "JudgedBySum",
    "JudgedByHead",
    "JudgedByFolds",
    "JudgedSoftly",
    "HalfJudged",
    "JudgedFits",
    "JudgedFitsByFolds",
    "LearnedSum",
    "LearnedFits",
    "TrainedSum",
    "TrainedFits",
    "BothSpaces",
)
SHARES = torch.linspace(0, 1, 21).double()  # of the head in a sum of logits


class Opinion(QueryStrategy):
    """Uncertainty Herding with another U."""

    needs: ClassVar[frozenset[Need]] = frozenset({Need.LABELED, Need.GEOMETRY, Need.TEMPERATURE, Need.FOLDS})

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        herd = look_at(context.geometry, rng)
        bandwidth = find_bandwidth(context.labeled_geometry, "median")
        kernel = Kernel(herd.rows[herd.first], bandwidth)
        return greedy(herd, kernel, kernel.nearest(context.labeled_geometry), self.doubt(context)[herd.at], k)

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]: U of each candidate."""
        logits = self.pooled(context) if calibrates(context) else None
        return unsure(logits) if logits is not None else own_doubt(context)

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]: calibrated logits of the candidates."""
        raise NotImplementedError


class Folds(Opinion):
    """The mean of the network and of its folds."""

    name: ClassVar[str] = "folds"

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]."""
        return of_folds(context)


class HeadAlone(Opinion):
    """The linear head on the geometry alone."""

    name: ClassVar[str] = "head-alone"

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]."""
        held_out, logits = head(context)
        assert context.labels is not None
        return logits / temperature(held_out, context.labels)


class MeanWithHead(Opinion):
    """The mean of both probabilities."""

    name: ClassVar[str] = "mean-with-head"

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]."""
        own = (context.candidates.logits.double() / heat(context)).softmax(1)
        return ((own + HeadAlone().pooled(context).softmax(1)) / 2).log()


class SumWithHead(Opinion):
    """(1 − s) · the network's logits + s · the head's, over T; s and T are likeliest on held-out logits."""

    name: ClassVar[str] = "sum-with-head"

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]."""
        return summed(context, context.candidates.logits.double())


class FoldsAndHead(Opinion):
    """`SumWithHead` with the mean of the folds for the network."""

    name: ClassVar[str] = "folds-and-head"

    def pooled(self, context: QueryContext) -> Tensor:
        """float64 [n, C]."""
        return summed(context, of_folds(context) * heat(context))


class JudgedBySum(SumWithHead):
    """How far the sum is from the network's own answer: 1 − (q of its class − the highest other q), in [0, 2]."""

    name: ClassVar[str] = "judged-by-sum"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        if not calibrates(context):
            return super().doubt(context)
        own = context.candidates.logits.argmax(1, keepdim=True)
        return judged(self.pooled(context).softmax(1)).gather(1, own)[:, 0]


class JudgedByHead(JudgedBySum):
    """The head alone judges."""

    name: ClassVar[str] = "judged-by-head"
    pooled = HeadAlone.pooled


class JudgedByFolds(JudgedBySum):
    """The sum of the folds and the head judges."""

    name: ClassVar[str] = "judged-by-folds"
    pooled = FoldsAndHead.pooled


class JudgedSoftly(SumWithHead):
    """`JudgedBySum`, in the mean over the network's own calibrated probabilities instead of its answer alone."""

    name: ClassVar[str] = "judged-softly"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        if not calibrates(context):
            return super().doubt(context)
        own = (context.candidates.logits.double() / heat(context)).softmax(1)
        return (own * judged(self.pooled(context).softmax(1))).sum(1)


class HalfJudged(JudgedBySum):
    """The mean of the network's own calibrated U and of `JudgedBySum`."""

    name: ClassVar[str] = "half-judged"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        return (super().doubt(context) + own_doubt(context)) / 2


class JudgedFits(SumWithHead):
    """`JudgedBySum` in the mean over the answers of the network and of its folds: what a new fit would get wrong."""

    name: ClassVar[str] = "judged-fits"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        if not calibrates(context):
            return super().doubt(context)
        assert context.folds is not None
        answers = torch.cat([context.candidates.logits[None], context.folds.candidates]).argmax(2)
        return judged(self.pooled(context).softmax(1)).gather(1, answers.T).mean(1)


class JudgedFitsByFolds(JudgedFits):
    """The sum of the folds and the head judges them."""

    name: ClassVar[str] = "judged-fits-by-folds"
    pooled = FoldsAndHead.pooled


class LearnedSum(JudgedBySum):
    """`JudgedBySum` of a network that has learned its labels; else its own U."""

    name: ClassVar[str] = "learned-sum"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        return super().doubt(context) if has_learned(context) else own_doubt(context)


class LearnedFits(JudgedFitsByFolds):
    """`JudgedFitsByFolds` of a network that has learned its labels; else its own U."""

    name: ClassVar[str] = "learned-fits"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        return super().doubt(context) if has_learned(context) else own_doubt(context)


class TrainedSum(JudgedBySum):
    """`JudgedBySum` of a network that is sure of its labels; else its own U."""

    name: ClassVar[str] = "trained-sum"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        return super().doubt(context) if is_sure_of_labels(context) else own_doubt(context)


class TrainedFits(JudgedFitsByFolds):
    """`JudgedFitsByFolds` of a network that is sure of its labels; else its own U."""

    name: ClassVar[str] = "trained-fits"

    def doubt(self, context: QueryContext) -> Tensor:
        """float64 [n]."""
        return super().doubt(context) if is_sure_of_labels(context) else own_doubt(context)


class BothSpaces(Opinion):
    """The network's own U, and the mean of the kernels of the geometry and of its embedding."""

    name: ClassVar[str] = "both-spaces"

    def select(self, context: QueryContext, k: int, *, rng: np.random.Generator) -> Tensor:
        """int64 [k]."""
        assert context.geometry is not None
        assert context.labeled_geometry is not None
        assert context.labeled is not None
        herd, known = look_at(context.geometry, rng), points(context.labeled.embeddings)
        rows = context.candidates.embeddings[herd.at][herd.first]
        one = Kernel(herd.rows[herd.first], find_bandwidth(context.labeled_geometry, "median"))
        both = MixedKernel(one, Kernel(rows, find_bandwidth(known, "median")), 0.5)
        covered = both.nearest(context.labeled_geometry, known)
        return greedy(herd, both, covered, calibrated_uncertainty(context, herd.at), k)


def calibrates(context: QueryContext) -> bool:
    """Whether there are labels enough for a temperature."""
    return context.folds is not None and len(context.folds.candidates) > 0 and enough_to_calibrate(_labels(context))


def own_doubt(context: QueryContext) -> Tensor:
    """float64 [n]: the network's own calibrated U."""
    return calibrated_uncertainty(context, torch.arange(len(context)))


def has_learned(context: QueryContext) -> bool:
    """Whether the network answers at least 95 % of its own labels as it was told."""
    assert context.labeled is not None
    return float((context.labeled.predictions == _labels(context)).double().mean()) >= 0.95


def is_sure_of_labels(context: QueryContext) -> bool:
    """Whether the network gives its own labels at least half of the probability, on average."""
    assert context.labeled is not None
    return float(context.labeled.probs.double().gather(1, _labels(context)[:, None]).mean()) >= 0.5


def unsure(logits: Tensor) -> Tensor:
    """float64 [n]: 1 − (p₁ − p₂)."""
    top = logits.softmax(1).topk(2).values
    return 1 - (top[:, 0] - top[:, 1])


def judged(probs: Tensor) -> Tensor:
    """float64 [n, C]: 1 − (q of the class − the highest other q), in [0, 2], as if each class were the answer."""
    (first, second), best = probs.topk(2).values.T, probs.argmax(1, keepdim=True)
    others = first[:, None].expand_as(probs).scatter(1, best, second[:, None])
    return 1 - (probs - others)


def of_folds(context: QueryContext) -> Tensor:
    """float64 [n, C]: the logarithm of the mean probability of the network and its folds, each over T."""
    assert context.folds is not None
    every = torch.cat([context.candidates.logits[None], context.folds.candidates]).double()
    return (every / heat(context)).softmax(2).mean(0).clamp(min=1e-30).log()


def head(context: QueryContext) -> tuple[Tensor, Tensor]:
    """Logits of a linear head on the geometry: held-out ones of the labeled samples, and those of the candidates."""
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    labels = _labels(context)
    rows = torch.cat([context.labeled_geometry.read(), context.geometry.read()])
    samples = PointSamples(points(rows))  # one scale for all columns: the leading ones tell most
    own, others = torch.arange(len(labels)), torch.arange(len(labels), len(samples))
    recipe = LinearHead(samples, context.num_classes, TrainingConfig(device="cpu"))
    held_out = cross_validated(recipe, samples, own, labels, stream=Stream(0)).logits
    fitted = recipe.fit_many(samples, [FitJob(own, labels, 0)])[0]
    return held_out.double(), fitted.outputs(samples, others).logits.double()


def summed(context: QueryContext, logits: Tensor) -> Tensor:
    """float64 [n, C]: the likeliest sum of the network's and the head's logits."""
    assert context.folds is not None
    held_out, others = head(context)
    labels, own = _labels(context), context.folds.labeled.double()
    # Each over its own temperature first, so that a share means the same for both.
    heats = temperature(own, labels), temperature(held_out, labels)
    found = []
    for share in SHARES:
        known = (1 - share) * own / heats[0] + share * held_out / heats[1]
        heat = temperature(known, labels)
        loss = torch.nn.functional.cross_entropy(known / heat, labels)
        found.append((float(loss), float(share), heat))
    _, share, heat = min(found)
    return ((1 - share) * logits / heats[0] + share * others / heats[1]) / heat


def heat(context: QueryContext) -> float:
    """What calibrates the network."""
    assert context.temperature is not None
    return context.temperature


def points(rows: Tensor) -> Points:
    """Rows as points."""
    return Points(rows, torch.arange(len(rows)))


def _labels(context: QueryContext) -> Tensor:
    assert context.labels is not None
    return context.labels


def main() -> None:
    """Plays what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/universal/opinions"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classifier", default="mlp")
    parser.add_argument("--geometry", default=PIXELS, choices=NO_FILES)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--variants", default=",".join(VARIANTS))
    options = parser.parse_args()
    grids = geometry(SIZES["standard"](TrainingConfig(device="cpu"))).grids
    added = tuple(f"second_opinions:{name}" for name in options.variants.split(",") if name)
    for name in options.families.split(","):  # one at a time: a process remembers two data sets
        shape = next(g for g in grids if (g.dataset, g.classifier, g.pools) == (name, options.classifier, ("whole",)))
        grid = replace(shape, strategies=("uherding", *added), seeds=options.seeds)
        if shape.geometry == PIXELS:
            grid = replace(grid, geometry=options.geometry)
        run_grids((grid,), options.out, workers=1)


if __name__ == "__main__":
    main()
