"""What batches are worth, against fits one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import FitJob, Outputs
from iale.classifiers.heads import LinearHead
from iale.dagger.universal import UniversalConfig, _look_ahead
from iale.dagger.universal._heads import Labeled
from iale.dagger.universal._look_ahead import Now, Reference, judge_fits, judge_heads, make_reference
from iale.dagger.universal._tasks import draw_task
from iale.data.arrays import ArraySamples
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies._bandwidth import find_bandwidth
from iale.strategies.base import QueryContext
from iale.strategies.herding import UncertaintyHerding

CONFIG = UniversalConfig(synthetic=1.0, scoring_size=200)
TASK = replace(draw_task(CONFIG, 3), size=3)
SAMPLES = ArraySamples(TASK.inputs)
ROWS = torch.arange(0, 60, 3)
NOW = Now(Labeled(ROWS, TASK.labels[ROWS]), 4.0, 1.5, 0)
BATCHES = torch.tensor([[100, 61, 80], [1, 2, 4], [120, 121, 150]])


@pytest.fixture(scope="module")
def reference() -> Reference:
    return make_reference(TASK, SAMPLES)


def brier(rows: Tensor, labels: Tensor) -> float:
    """Of a head that is fitted alone, with plain loops."""
    head = LinearHead(SAMPLES, TASK.classes, l2=NOW.strength).fit(SAMPLES, FitJob(rows, labels, 0))
    scoring = torch.arange(TASK.pool, len(TASK.labels))
    probs = torch.softmax(head.outputs(SAMPLES, scoring).logits.double() / NOW.temperature, dim=1)
    truth = torch.nn.functional.one_hot(TASK.labels[scoring], TASK.classes)
    return float((probs - truth).square().sum(dim=1).mean())


def test_values_are_those_of_heads_fitted_alone(reference: Reference) -> None:
    drawn = reference.draw(TASK.labels[: TASK.pool], 3, Stream(0))
    found = judge_heads(TASK, reference, NOW, BATCHES, drawn, far=False)
    before = brier(ROWS, TASK.labels[ROWS])
    for b, batch in enumerate(BATCHES):
        for r, labels in enumerate(drawn):
            after = brier(torch.cat([ROWS, batch]), torch.cat([TASK.labels[ROWS], labels[batch]]))
            assert float(found[b, r]) == pytest.approx(before - after, abs=2e-4)


def test_fits_of_any_classifier_are_judged_alike(reference: Reference) -> None:
    drawn = reference.draw(TASK.labels[: TASK.pool], 2, Stream(0))
    head = LinearHead(SAMPLES, TASK.classes, l2=NOW.strength)
    fits = judge_fits(TASK, SAMPLES, head, NOW, BATCHES, drawn)
    assert torch.allclose(fits, judge_heads(TASK, reference, NOW, BATCHES, drawn, far=False), atol=2e-4)


def test_before_the_first_label_all_classes_are_as_likely(reference: Reference) -> None:
    empty = replace(NOW, labeled=Labeled(ROWS[:0], TASK.labels[:0]))
    drawn = TASK.labels[None, : TASK.pool]
    found = judge_heads(TASK, reference, empty, BATCHES[:1], drawn, far=False)
    after = brier(BATCHES[0], TASK.labels[BATCHES[0]])
    assert float(found[0, 0]) == pytest.approx(1 - 1 / TASK.classes - after, abs=2e-4)


def test_labels_are_drawn_from_the_reference() -> None:
    probs = torch.tensor([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]])
    truth = torch.tensor([2, 0])
    drawn = Reference(torch.empty(0), probs).draw(truth, 4001, Stream(0))
    assert torch.equal(drawn[0], truth)
    assert float((drawn[1:, 0] == 1).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert bool((drawn[1:, 0] < 2).all())
    assert bool((drawn[1:, 1] == 0).all())


def test_a_reference_knows_more_than_a_few_labels(reference: Reference) -> None:
    pool = TASK.labels[: TASK.pool]
    right = float((reference.probs.argmax(dim=1) == pool).float().mean())
    few = LinearHead(SAMPLES, TASK.classes).fit(SAMPLES, FitJob(ROWS, TASK.labels[ROWS], 0))
    guessed = few.outputs(SAMPLES, torch.arange(TASK.pool)).predictions
    assert right > float((guessed == pool).float().mean()) + 0.1


def test_what_follows_a_batch_is_uncertainty_herding(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = TASK.labels[None, : TASK.pool]
    asked = list[Tensor]()

    def herd(kernel: Tensor, unsure: Tensor, labeled: Tensor, size: int) -> Tensor:
        chosen = kept(kernel, unsure, labeled, size)
        asked.append(torch.cat([labeled, chosen]))
        return chosen

    kept = _look_ahead._herd
    monkeypatch.setattr(_look_ahead, "_herd", herd)
    judge_heads(TASK, reference, NOW, BATCHES[:1], drawn, far=True)
    assert [len(each) for each in asked] == [len(ROWS) + 6, len(ROWS) + 9]
    assert torch.equal(asked[0][: len(ROWS) + 3], NOW.labeled.with_(BATCHES[0], TASK.labels[BATCHES[0]]).rows)
    assert torch.equal(asked[0][-3:].sort().values, _peer(NOW.labeled.with_(BATCHES[0], TASK.labels[BATCHES[0]])))


def _peer(labeled: Labeled) -> Tensor:
    """The choice of the strategy itself, with the bandwidth of the state."""
    bandwidth = find_bandwidth(Points(TASK.geometry, NOW.labeled.rows), "median")
    head = LinearHead(SAMPLES, TASK.classes, l2=NOW.strength).fit(SAMPLES, FitJob(labeled.rows, labeled.labels, 0))
    rest = torch.tensor([row for row in range(TASK.pool) if row not in labeled.rows.tolist()])
    logits = head.outputs(SAMPLES, rest).logits
    points = Points(TASK.geometry, rest), Points(TASK.geometry, labeled.rows)
    context = QueryContext(
        Outputs(logits, logits),
        TASK.classes,
        geometry=points[0],
        labeled_geometry=points[1],
        temperature=NOW.temperature,
    )
    chosen = UncertaintyHerding(bandwidth).query(context, 3, rng=np.random.default_rng(0))
    return rest[chosen].sort().values
