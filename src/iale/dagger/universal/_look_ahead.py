"""What batches are worth: by how much the Brier score of a refitted classifier falls.

Nobody can know the labels of a batch, so a value with the true labels alone is partly luck. They are also drawn from
a reference, a head that has learned from all labels of the task. A sample has the same drawn label in every batch.

Legend of dimensions: N samples of a task, n of them in the pool, B batches of k, R draws of labels, L labeled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from iale.classifiers._linear._stacks import LabeledSet, fit_path
from iale.classifiers._linear._strengths import GRID
from iale.classifiers.base import Classifier, FitJob
from iale.classifiers.heads import LinearHead
from iale.dagger.universal._heads import Labeled, brier, brier_of_heads, fit_alike
from iale.dagger.universal._tasks import Task
from iale.data.samples import Samples
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies._unit import unit_rows

_ROUGH = 1e-3  # of the loss of the reference
_REFERENCE = 1_000  # samples that it learns from, at most
_FURTHER = 2  # acquisitions after a batch, in a far state
_MOST = 5  # samples in each of these


@dataclass(frozen=True, eq=False)
class Reference:
    """What is known of a task when all labels are.

    Attributes:
        features: float32 [N, D], what a linear head reads.
        probs: float32 [n, C], how likely each label of the pool is.
    """

    features: Tensor
    probs: Tensor

    def draw(self, truth: Tensor, redraws: int, stream: Stream) -> Tensor:
        """int64 [R, n]: first the true labels, then labels that are drawn."""
        spot = torch.from_numpy(stream.numpy().random((redraws - 1, len(truth), 1), dtype=np.float32))
        drawn = (self.probs.cumsum(dim=1) < spot).sum(dim=2).clamp(max=self.probs.shape[1] - 1)
        return torch.cat([truth[None], drawn])


def make_reference(task: Task, samples: Samples) -> Reference:
    """A linear head on the pool and on samples that score, 1,000 in all; the others choose its strength."""
    every = torch.arange(len(task.labels))
    # The embedding of any fit is the standardized input.
    features = LinearHead(samples, task.classes, l2=1.0).fit(samples, FitJob(every[:1], task.labels[:1], 0))
    inputs = features.outputs(samples, every).embeddings
    known, others = every[:_REFERENCE], every[_REFERENCE:]
    own = LabeledSet(known, task.labels[known], torch.ones(len(known)))
    best = (float("inf"), torch.empty(0))
    for _, heads in fit_path(inputs, [own], task.classes, inputs.new_tensor(GRID)[:, None] * inputs.shape[1], _ROUGH):
        logits = torch.addmm(heads.intercepts[0], inputs, heads.weights[0].T)
        loss = float(cross_entropy(logits[others], task.labels[others])) if len(others) else 0.0
        best = min(best, (loss, torch.softmax(logits[: task.pool], dim=1)), key=lambda each: each[0])
    return Reference(inputs, best[1])


@dataclass(frozen=True, eq=False)
class Now:
    """The state in which batches are compared.

    Attributes:
        labeled: what is labeled.
        strength: of the linear head; it is kept, so that no cross-validation runs.
        temperature: of the classifier; it is kept, too.
        seed: of the initial weights of all fits, if the classifier has some.
    """

    labeled: Labeled
    strength: float
    temperature: float
    seed: int


def judge_heads(task: Task, reference: Reference, now: Now, batches: Tensor, drawn: Tensor, *, far: bool) -> Tensor:
    """float32 [B, R]: how much lower the Brier score is with each batch and each draw of its labels.

    Args:
        task: with a linear head.
        reference: of the task.
        now: the state.
        batches: int64 [B, k], samples of the pool.
        drawn: int64 [R, n], labels.
        far: whether two acquisitions of Uncertainty Herding, of 5 samples at most, follow before the score is taken.
    """
    places: dict[tuple[int, ...], int] = {}
    sets: list[tuple[Labeled, int]] = []
    index = torch.empty(len(batches), len(drawn), dtype=torch.int64)
    for b, batch in enumerate(batches):
        for r, labels in enumerate(drawn):
            said = labels[batch]
            # With equal labels, the same head: a sure reference often draws the truth. What follows depends on r.
            key = (b, *said.tolist(), *([r] if far else []))
            if key not in places:
                places[key] = len(sets)
                sets.append((now.labeled.with_(batch, said), r))
            index[b, r] = places[key]
    for _ in range(_FURTHER if far else 0):
        sets = _further(task, reference, now, sets, drawn, min(batches.shape[1], _MOST))
    heads = fit_alike(reference.features, [own for own, _ in sets], task.classes, now.strength)
    after = brier_of_heads(heads, reference.features[task.pool :], task.labels[task.pool :], now.temperature)
    return _before_heads(task, reference, now) - after[index]


def _before_heads(task: Task, reference: Reference, now: Now) -> float:
    if not len(now.labeled.rows):
        return 1 - 1 / task.classes
    head = fit_alike(reference.features, [now.labeled], task.classes, now.strength)
    return float(brier_of_heads(head, reference.features[task.pool :], task.labels[task.pool :], now.temperature)[0])


def _kernel(task: Task, now: Now) -> Tensor:
    """float32 [n, n]: K of herding in the geometry of the pool, with the bandwidth of the state."""
    rows = unit_rows(task.geometry[: task.pool]).float()
    known = Points(task.geometry, now.labeled.rows)
    bandwidth = find_bandwidth(known, "median") if len(known) else 1.0
    lengths = rows.square().sum(dim=1)
    squares = (lengths[:, None] + lengths - 2 * rows @ rows.T).clamp_(min=0)
    return squares.div_(-(bandwidth**2)).exp_()


def _further(
    task: Task, reference: Reference, now: Now, sets: list[tuple[Labeled, int]], drawn: Tensor, size: int
) -> list[tuple[Labeled, int]]:
    """One more acquisition of each labeled set, by Uncertainty Herding with what the state was calibrated to."""
    heads = fit_alike(reference.features, [own for own, _ in sets], task.classes, now.strength)
    kernel, found = _kernel(task, now), []
    for (own, r), weights, intercepts in zip(sets, heads.weights, heads.intercepts, strict=True):
        logits = torch.addmm(intercepts, reference.features[: task.pool], weights.T)
        top = torch.softmax(logits / now.temperature, dim=1).topk(2, dim=1).values
        chosen = _herd(kernel, 1 - (top[:, 0] - top[:, 1]), own.rows, min(size, task.pool - len(own.rows)))
        found.append((own.with_(chosen, drawn[r][chosen]), r))
    return found


def _herd(kernel: Tensor, unsure: Tensor, labeled: Tensor, size: int) -> Tensor:
    """int64 [size]: the greedy choice of herding, all gains computed at every step."""
    covered = kernel[labeled].amax(dim=0)
    taken = torch.zeros(len(kernel), dtype=torch.bool)
    taken[labeled] = True
    unsure = torch.where(taken, 0, unsure)
    chosen = []
    for _ in range(size):
        gains = (kernel - covered).relu_() @ unsure
        chosen.append(int(gains.masked_fill_(taken, -1).argmax()))
        taken[chosen[-1]] = True
        covered = torch.maximum(covered, kernel[chosen[-1]])
    return torch.tensor(chosen)


def judge_fits(
    task: Task, samples: Samples, classifier: Classifier, now: Now, batches: Tensor, drawn: Tensor
) -> Tensor:
    """float32 [B, R] as `judge_heads`, with any classifier: each batch and draw is a fit of its own."""
    sets = [now.labeled.with_(batch, labels[batch]) for batch in batches for labels in drawn]
    if len(now.labeled.rows):
        sets.append(now.labeled)
    fits = classifier.fit_many(samples, [FitJob(own.rows, own.labels, now.seed) for own in sets])
    scoring = torch.arange(task.pool, len(task.labels))
    logits = torch.stack([fit.outputs(samples, scoring).logits for fit in fits], dim=1)
    found = brier(logits, task.labels[scoring], now.temperature)
    before = float(found[-1]) if len(now.labeled.rows) else 1 - 1 / task.classes
    return before - found[: len(batches) * len(drawn)].view(len(batches), len(drawn))
