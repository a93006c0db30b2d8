"""What the universal policy sees: equal to slow versions, and the same whatever things are called."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.geometry.points import Points
from iale.policies.universal._batches import BATCH_FEATURES, batch_features
from iale.policies.universal._scene import CONTEXT_FEATURES, ROW_FEATURES, Scene, observe
from iale.policies.universal.policy import Form, untrained_policy
from iale.seeding import Stream
from iale.strategies._fisher import Information
from iale.strategies.bait import Bait
from iale.strategies.base import Folds, QueryContext
from iale.testing import make_context, reorder, tied_contexts, unlabeled_context
from tests.policies import universal as slow


def look(context: QueryContext, k: int = 3) -> Scene:
    return observe(context, k, np.random.default_rng(1))


def points(context: QueryContext) -> tuple[Tensor, Tensor]:
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    return context.geometry.read(), context.labeled_geometry.read()


def with_points(context: QueryContext, rows: Tensor, labeled: Tensor) -> QueryContext:
    values, every = torch.cat([rows, labeled]), torch.arange(len(rows) + len(labeled))
    return replace(
        context, geometry=Points(values, every[: len(rows)]), labeled_geometry=Points(values, every[len(rows) :])
    )


def test_the_columns_of_a_view_are_those_of_the_slow_version() -> None:
    context = make_context(n=12, labeled=7, seed=3)
    scene = look(context)
    assert context.labeled is not None
    views = zip(
        ("geometry", "embedding"),
        (points(context), (context.candidates.embeddings, context.labeled.embeddings)),
        slow.widths(context),
        strict=True,
    )
    uncertainty = [slow.margin_uncertainty(p) for p in slow.softmax(context.candidates.logits, 2.0)]
    np.testing.assert_allclose(scene.column("uncertainty"), uncertainty, rtol=1e-5)
    np.testing.assert_allclose(scene.uncertainty, uncertainty, rtol=1e-5)
    predicted = context.candidates.predictions.tolist()
    for name, (rows, labeled), width in views:
        expected = slow.space_columns(slow.units(rows), slow.units(labeled), width, uncertainty, predicted)
        for number, column in enumerate(("distance", "covered", "density", "alike", "gain")):
            found = scene.column(f"{name}_{column}")
            np.testing.assert_allclose(found, expected[:, number], rtol=1e-3, atol=2e-4, err_msg=f"{name}_{column}")
    np.testing.assert_allclose(scene.bandwidths, slow.widths(context), rtol=1e-5)


def test_what_classifiers_and_neighbors_think_by_the_slow_version() -> None:
    context = make_context(n=10, labeled=7, seed=4)
    assert context.folds is not None
    assert context.labels is not None
    scene, (rows, labeled) = look(context), points(context)
    probs = slow.softmax(context.candidates.logits, 2.0)
    folds = slow.softmax(context.folds.candidates, 2.0)
    vote = slow.votes(slow.units(rows), slow.units(labeled), context.labels.tolist(), 4, slow.widths(context)[0])
    for i in range(10):
        mean = folds[:, i].mean(axis=0)
        expected = {
            "entropy": -sum(p * math.log(p) for p in probs[i]) / math.log(4),
            "disagreement": float(np.mean([slow.total_variation(fold[i], mean) for fold in folds])),
            "vote_uncertainty": slow.margin_uncertainty(vote[i]),
            "vote_apart": slow.total_variation(vote[i], probs[i]),
        }
        for name, value in expected.items():
            assert float(scene.column(name)[i]) == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize(("dim", "labeled"), [(6, 7), (100, 0), (100, 30)])
def test_information_is_the_first_gain_of_bait(dim: int, labeled: int) -> None:
    context = make_context(n=30, dim=dim, labeled=labeled, seed=5)
    assert context.labeled is not None
    k, bait = 4, Bait()
    parts = [
        bait._rows(Points(outputs.embeddings, torch.arange(len(outputs))), outputs.logits)
        for outputs in (context.labeled, context.candidates)
    ]
    present, total = parts[0].information(), labeled + k
    whole = (parts[1].information() + present) / (labeled + 30)
    parts[1].scale *= (k / total) ** 0.5
    gains = Information(parts[1], present / total + np.eye(len(whole)), whole).gains()
    found = look(context, k).column("information")
    np.testing.assert_allclose(found, np.log(gains / gains.mean()).clip(-5, 5), rtol=1e-3, atol=1e-3)


def test_a_wide_embedding_is_seen_in_its_principal_directions() -> None:
    """300 columns, but only 20 directions: nothing is lost."""
    narrow = make_context(n=60, dim=20, labeled=9, seed=2)
    assert narrow.labeled is not None
    turn = torch.linalg.qr(torch.randn(300, 20, generator=Stream(0).torch())).Q.T
    wide = replace(
        narrow,
        candidates=Outputs(narrow.candidates.logits, narrow.candidates.embeddings @ turn),
        labeled=Outputs(narrow.labeled.logits, narrow.labeled.embeddings @ turn),
    )
    torch.testing.assert_close(look(wide).rows, look(narrow).rows, rtol=1e-3, atol=2e-3)


def test_shares_among_predictions_and_labels_by_hand() -> None:
    """Predictions 0 0 0 1, labels 1 1 2: (3+1)/(4+3) of the predictions are 0, but (0+1)/(3+3) of the labels."""
    logits = torch.tensor([[3.0, 0, 0], [2.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    context = replace(
        make_context(n=4, num_classes=3, labeled=3),
        candidates=Outputs(logits, torch.randn(4, 6, generator=Stream(0).torch())),
        labels=torch.tensor([1, 1, 2]),
        folds=Folds(torch.zeros(0, 3), torch.zeros(0, 4, 3)),
    )
    scene = look(context)
    share = [math.log((4 / 7) / (1 / 6)), math.log((2 / 7) / (3 / 6))]
    count = [math.log(1 / 2), math.log(3 / 2)]
    np.testing.assert_allclose(scene.column("class_share"), [share[0]] * 3 + [share[1]], rtol=1e-5)
    np.testing.assert_allclose(scene.column("class_labels"), [count[0]] * 3 + [count[1]], rtol=1e-5)
    assert scene.column("disagreement").tolist() == [0.0] * 4


def test_ranks_are_shares_of_the_pool_and_ties_share_them() -> None:
    scene = look(make_context(n=40, labeled=9))
    for name in ROW_FEATURES:
        if f"{name}_rank" in ROW_FEATURES:
            expected = slow.shares_below(scene.column(name).tolist())
            np.testing.assert_allclose(scene.column(f"{name}_rank"), expected, atol=1e-6)
    ties = dict(tied_contexts(n=60))
    assert set(look(ties["constant"]).column("uncertainty_rank").tolist()) == {0.5}


def test_the_context_by_hand() -> None:
    context = make_context(n=20, num_classes=4, labeled=7, seed=6)
    assert context.folds is not None
    assert context.labeled is not None
    assert context.labels is not None
    labels, scene = context.labels, look(context, 5)
    known = slow.units(points(context)[1]), slow.units(context.labeled.embeddings)
    right = (context.folds.labeled.argmax(dim=1) == labels).double().mean()
    expected = {
        "labels_per_class": math.log(1 + 7 / 4),
        "validated": 1.0,
        "accuracy": float(right),
        "temperature": math.log(2.0),
        "geometry_accuracy": slow.one_nearest(known[0], labels.tolist()),
        "embedding_accuracy": slow.one_nearest(known[1], labels.tolist()),
        "pool": math.log(20),
        "batch": math.log(5),
        "classes_seen": len(set(labels.tolist())) / 4,
        "uncertainty": float(scene.uncertainty.mean()),
        "geometry_covered": float(scene.column("geometry_covered").mean()),
        "embedding_covered": float(scene.column("embedding_covered").mean()),
    }
    assert tuple(expected) == CONTEXT_FEATURES
    np.testing.assert_allclose(scene.context, list(expected.values()), rtol=1e-5)


def test_before_the_first_label() -> None:
    context = unlabeled_context(n=30)
    scene = look(context)
    assert set(scene.uncertainty.tolist()) == {1.0}
    assert scene.bandwidths.tolist() == [1.0, 1.0]
    assert scene.embedding.shape == (30, 0)
    for name in ("distance", "density", "gain", "covered", "alike"):
        assert torch.equal(scene.column(f"embedding_{name}"), scene.column(f"geometry_{name}"))
    assert set(scene.column("vote_uncertainty").tolist()) == {1.0}
    assert set(scene.column("geometry_covered").tolist()) == {0.0}


def permuted_classes(context: QueryContext, order: Tensor) -> QueryContext:
    """Class ``order[c]`` is now called c."""
    assert context.folds is not None
    assert context.labeled is not None
    assert context.labels is not None
    return replace(
        context,
        candidates=Outputs(context.candidates.logits[:, order], context.candidates.embeddings),
        labeled=Outputs(context.labeled.logits[:, order], context.labeled.embeddings),
        labels=order.argsort()[context.labels],
        folds=Folds(context.folds.labeled[:, order], context.folds.candidates[:, :, order]),
    )


def turned(context: QueryContext) -> QueryContext:
    """Both views rotated, and not alike."""
    assert context.labeled is not None
    rows, labeled = points(context)
    one, other = (
        torch.linalg.qr(torch.randn(width, width, generator=Stream(number).torch(), dtype=torch.float64)).Q
        for number, width in enumerate((rows.shape[1], context.candidates.embeddings.shape[1]))
    )

    def turn(values: Tensor, by: Tensor) -> Tensor:
        return (values.double() @ by).float()

    moved = with_points(context, turn(rows, one), turn(labeled, one))
    return replace(
        moved,
        candidates=Outputs(context.candidates.logits, turn(context.candidates.embeddings, other)),
        labeled=Outputs(context.labeled.logits, turn(context.labeled.embeddings, other)),
    )


@pytest.mark.parametrize("n", [50, 400])
def test_names_of_classes_and_units_and_the_order_of_candidates_change_nothing(n: int) -> None:
    """Of more candidates than a sketch holds, the order of units draws others, so they are not compared."""
    context = make_context(n=n, num_classes=5, labeled=12, seed=7)
    scene, batch = look(context), torch.tensor([3, 40, 11])
    order = torch.from_numpy(np.random.default_rng(0).permutation(n))
    others = {
        "classes": (permuted_classes(context, torch.tensor([2, 4, 0, 1, 3])), torch.arange(n)),
        "candidates": (reorder(context, order), order),
    }
    if len(scene.sketch) == n:
        others["units"] = turned(context), torch.arange(n)
    for name, (other, places) in others.items():
        found = look(other)
        torch.testing.assert_close(found.rows, scene.rows[places], rtol=1e-3, atol=2e-3, msg=name)
        torch.testing.assert_close(found.context, scene.context, rtol=1e-4, atol=1e-4, msg=name)
        features = batch_features(found, places.argsort()[batch])
        torch.testing.assert_close(features, batch_features(scene, batch), rtol=1e-3, atol=2e-3, msg=name)


@pytest.mark.parametrize("n", [50, 400])
@pytest.mark.parametrize("form", ["herding", "selector"])
def test_names_of_classes_and_the_order_of_candidates_change_no_choice(form: Form, n: int) -> None:
    policy = untrained_policy(Stream(3), form)
    policy.network.gates.data = torch.tensor([2.0, 2.0, 1.0, 0.5, 0.5])
    for seed in range(3):
        context = make_context(n=n, num_classes=5, labeled=12, seed=seed)
        order = torch.from_numpy(np.random.default_rng(seed).permutation(n))
        others = permuted_classes(context, torch.tensor([2, 4, 0, 1, 3])), reorder(context, order)
        answer, renamed, moved = (policy.query(c, 6, rng=np.random.default_rng(0)) for c in (context, *others))
        assert answer.tolist() == renamed.tolist() == order[moved].tolist()


def test_a_large_pool_is_compared_with_a_sketch_and_little_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(n=600, labeled=20)
    sketched = look(context)
    monkeypatch.setattr("iale.policies.universal._scene._SKETCHED", 600)
    whole = look(context)
    assert len(sketched.sketch) < len(whole.sketch) == 600
    for name in ("geometry_density", "geometry_gain", "embedding_gain"):
        both = torch.stack([sketched.column(name), whole.column(name)])
        assert float(torch.corrcoef(both)[0, 1]) > 0.85, name
        assert float(both[0].mean()) == pytest.approx(float(both[1].mean()), rel=0.05), name


SIZES = [(1, 4, 6, 9), (1, 2, 1, 0), (24, 2, 1, 1), (24, 1000, 6, 9), (700, 3, 2048, 30), (30, 4, 200, 0), (2, 2, 2, 2)]


@pytest.mark.parametrize(("n", "classes", "dim", "labeled"), SIZES)
def test_all_numbers_are_finite_and_bounded(n: int, classes: int, dim: int, labeled: int) -> None:
    made = make_context(n, classes, dim, labeled) if labeled else unlabeled_context(n, classes, dim)
    one = replace(made, labels=torch.zeros(labeled, dtype=torch.int64))
    huge = replace(made, candidates=Outputs(1e6 * made.candidates.logits, 1e6 * made.candidates.embeddings))
    for context in (made, one, huge):
        scene = look(context, 1)
        assert scene.rows.shape == (n, len(ROW_FEATURES))
        for values in (scene.rows, scene.context, batch_features(scene, torch.tensor([0]))):
            assert bool(torch.isfinite(values).all())
            assert float(values.abs().max()) < 20


@pytest.mark.parametrize(("name", "context"), list(tied_contexts(n=60)))
def test_ties_are_seen(name: str, context: QueryContext) -> None:
    scene = look(context)
    batches = torch.stack([torch.arange(3), torch.arange(40, 43)])
    assert bool(torch.isfinite(batch_features(scene, batches)).all()), name
    assert all(bool(torch.isfinite(getattr(scene, field.name)).all()) for field in fields(scene))


@pytest.mark.parametrize("part", ["logits", "embeddings", "geometry", "folds"])
def test_what_is_not_finite_is_refused(part: str) -> None:
    context = make_context()
    assert context.folds is not None
    bad = {
        "logits": replace(context, candidates=Outputs(context.candidates.logits / 0, context.candidates.embeddings)),
        "embeddings": replace(
            context, candidates=Outputs(context.candidates.logits, context.candidates.embeddings * math.inf)
        ),
        "geometry": with_points(context, points(context)[0] * math.nan, points(context)[1]),
        "folds": replace(context, folds=Folds(context.folds.labeled, context.folds.candidates * math.nan)),
    }
    with pytest.raises(QueryError, match="finite"):
        look(bad[part])


def test_batches_by_hand() -> None:
    context = make_context(n=12, num_classes=3, labeled=7, seed=8)
    scene, batch = look(context), [2, 7, 9, 4]
    found = dict(zip(BATCH_FEATURES, batch_features(scene, torch.tensor(batch)).tolist(), strict=True))
    column = scene.column("information_rank")[batch]
    assert found["mean_information_rank"] == pytest.approx(float(column.mean()))
    assert found["least_information_rank"] == pytest.approx(float(column.min()))
    assert found["most_information_rank"] == pytest.approx(float(column.max()))
    rows, labeled = (slow.units(part) for part in points(context))
    width, u = slow.widths(context)[0], scene.uncertainty.tolist()
    before = [max(slow.kernel(row, other, width) for other in labeled) for row in rows]
    after = [max(slow.kernel(row, rows[c], width) for c in batch) for row in rows]
    new, left = [max(a - b, 0) for a, b in zip(after, before, strict=True)], [1 - b for b in before]
    assert found["newly_covered_geometry"] == pytest.approx(sum(new) / sum(left), rel=1e-3)
    assert found["newly_sure_geometry"] == pytest.approx(np.dot(u, new) / np.dot(u, left), rel=1e-3)
    pairs = [slow.kernel(rows[a], rows[b], width) for a in batch for b in batch if a != b]
    assert found["inside_geometry"] == pytest.approx(float(np.mean(pairs)), rel=1e-3)
    predicted = context.candidates.predictions[batch].tolist()
    shares = [predicted.count(c) / 4 for c in set(predicted)]
    assert found["classes"] == pytest.approx(-sum(p * math.log(p) for p in shares) / math.log(3), abs=1e-6)
    assert context.labels is not None
    counts = torch.bincount(context.labels, minlength=3).tolist()
    assert found["rare"] == pytest.approx(np.mean([counts[c] < 7 / 3 for c in predicted]))
    assert found["size"] == pytest.approx(math.log(4))


def test_the_order_in_a_batch_and_its_company_change_nothing() -> None:
    scene = look(make_context(n=30, labeled=9))
    batches = torch.stack([torch.from_numpy(np.random.default_rng(i).permutation(30)[:5].copy()) for i in range(6)])
    together = batch_features(scene, batches)
    alone = torch.stack([batch_features(scene, batch.flip(0)) for batch in batches])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batch_features(scene, batches.reshape(2, 3, 5)).reshape(6, -1), together)
