"""BAIT against a slow reference with fresh inverses, by hand, and by automatic differentiation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import ConfigError, QueryError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies import Bait, BaitFull, QueryContext, _fisher
from iale.strategies._fisher import Information, Rows
from iale.strategies._last_layer import last_layer
from iale.testing import bait, fisher_rows, make_context, tied_contexts, unlabeled_context

FORMS = [Bait, BaitFull]
KINDS = [name for name, _ in tied_contexts(n=2)]


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def slow(context: QueryContext, k: int, full: bool, ridge: float = 1.0) -> list[int]:
    assert context.labeled is not None
    candidates = fisher_rows(context.candidates.logits, context.candidates.embeddings, full)
    labeled = fisher_rows(context.labeled.logits, context.labeled.embeddings, full)
    return bait(candidates, labeled, k, rng(), ridge)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(2, 14),
    classes=st.integers(2, 4),
    dim=st.sampled_from([1, 2, 3, 4, 25]),  # and more than there are samples
    labeled=st.integers(0, 6),
    ridge=st.sampled_from([1.0, 0.01]),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
@pytest.mark.parametrize("form", FORMS)
def test_equals_the_reference(
    form: type[Bait] | type[BaitFull],
    n: int,
    classes: int,
    dim: int,
    labeled: int,
    ridge: float,
    seed: int,
    data: st.DataObject,
) -> None:
    k = data.draw(st.integers(1, n))
    context = make_context(n, classes, dim, labeled, seed=seed)
    found = form(ridge).query(context, k, rng=rng()).tolist()
    assert found == slow(context, k, form is BaitFull, ridge)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_equals_the_reference_on_ties(form: type[Bait] | type[BaitFull], kind: str) -> None:
    context = dict(tied_contexts(n=24, num_classes=3, dim=2, labeled=4))[kind]
    assert form().query(context, 6, rng=rng()).tolist() == slow(context, 6, form is BaitFull)


def test_the_information_of_two_classes_is_that_of_a_logistic_regression() -> None:
    """E over y of ∇∇ᵀ of its loss, by automatic differentiation: p(1 − p)·zzᵀ."""
    z, weight = torch.randn(3, generator=Stream(1).torch(), dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    weight += 0.3
    weight.requires_grad_()
    p = torch.sigmoid(weight @ z)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    for chance, loss in (p, -p.log()), (1 - p, -(1 - p).log()):
        (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
        expected += chance.detach() * torch.outer(gradient, gradient)
    logits = torch.stack([(weight @ z).detach(), torch.tensor(0.0, dtype=torch.float64)])[None]
    (v,) = fisher_rows(logits, z[None], full=False)
    np.testing.assert_allclose(v.T @ v, expected, rtol=1e-12)
    rows = Bait()._rows(Points(z[None].float(), torch.arange(1)), logits)
    np.testing.assert_allclose(rows.information(), expected, rtol=1e-6)


def test_the_full_information_is_that_of_the_softmax() -> None:
    """The Hessian of the cross entropy, which does not depend on the label, is (diag(p) − ppᵀ) ⊗ zzᵀ."""
    context = make_context(1, 4, 3)
    z = context.candidates.embeddings[0].double()
    weight = torch.randn(12, generator=Stream(2).torch(), dtype=torch.float64)

    def loss(flat: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy((flat.view(4, 3) @ z)[None], torch.tensor([2]))

    gradient = torch.autograd.grad(loss(weight.requires_grad_()), weight, create_graph=True)[0]
    hessian = torch.stack([torch.autograd.grad(part, weight, retain_graph=True)[0] for part in gradient])
    weight = weight.detach()
    logits = (weight.view(4, 3) @ z)[None]
    (v,) = fisher_rows(logits, z[None], full=True)
    np.testing.assert_allclose(v.T @ v, hessian, atol=1e-12)
    rows = BaitFull()._rows(Points(context.candidates.embeddings[:1], torch.arange(1)), logits)
    np.testing.assert_allclose(rows.information(), hessian, atol=1e-6)
    (found,) = rows.dense(np.array([0]))
    np.testing.assert_allclose(found.T @ found, hessian, atol=1e-6)


@pytest.mark.parametrize("dim", [2, 30])
@pytest.mark.parametrize("form", FORMS)
def test_a_gain_is_the_fall_of_the_trace(form: type[Bait] | type[BaitFull], dim: int) -> None:
    """And the cost of a removal is its rise. With more weights than rows, K and T are computed in another way."""
    context = make_context(8, 3, dim)
    rows = form()._rows(Points(context.candidates.embeddings, torch.arange(8)), context.candidates.logits)
    whole = rows.information()
    held = np.eye(len(whole)) + whole
    information = Information(rows, held, whole)
    for sign in (1, -1):
        for i, gain in enumerate(information.gains(sign)):
            (v,) = rows.dense(np.array([i]))
            changed = np.trace(np.linalg.solve(held + sign * v.T @ v, whole))
            assert sign * (np.trace(np.linalg.solve(held, whole)) - changed) == pytest.approx(gain, rel=1e-8)


def test_two_directions_by_hand() -> None:
    """One feature each: F = diag(3·4, 1·9)·w/4, so the gain of z² = 4 is 4w·12w/(1 + 4w) against 9w·9w/(1 + 9w).

    With w = 1/4, these are 12/8 = 1.5 and 81/16·4/13 ≈ 1.56: the rare but long one is first, and it is kept.
    """
    embeddings = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    nobody = Outputs(torch.zeros(0, 2), torch.zeros(0, 2))
    points = Points(torch.zeros(4, 1), torch.arange(4))
    context = QueryContext(
        Outputs(torch.zeros(4, 2), embeddings),
        2,
        labeled=nobody,
        geometry=points,
        labeled_geometry=points.at(torch.arange(0)),
    )
    assert Bait().query(context, 1, rng=rng()).tolist() == [3]
    assert set(Bait().query(context, 2, rng=rng()).tolist()) & {0, 1, 2}
    assert 3 in Bait().query(context, 2, rng=rng()).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_many_steps_do_not_drift(form: type[Bait] | type[BaitFull], monkeypatch: pytest.MonkeyPatch) -> None:
    """After many additions and removals, K, T and the inverse are those of a fresh start, in small blocks, too."""
    context = make_context(60, 3, 4)
    points = Points(30 * context.candidates.embeddings, torch.arange(60))
    monkeypatch.setattr(_fisher, "_KEPT", 0)
    monkeypatch.setattr(_fisher, "rows_at_once", lambda width: 7)
    rows = form()._rows(points, context.candidates.logits)
    whole = rows.information() / 60
    begun = Information(rows, np.eye(len(whole)), whole)
    for position in [*range(60), *range(30)]:
        begun.step(position)
    for position in range(30):
        begun.step(position, -1)
    fresh = Information(rows, np.eye(len(whole)) + rows.information(), whole)
    np.testing.assert_allclose(begun.held, fresh.held, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(begun._inverse, fresh._inverse, rtol=1e-7, atol=1e-12)
    for sign in (1, -1):
        np.testing.assert_allclose(begun.gains(sign), fresh.gains(sign), rtol=1e-6, atol=1e-12)


def test_a_drift_is_found_and_mended() -> None:
    rows = Rows(Points(make_context(80, dim=5).candidates.embeddings, torch.arange(80)), np.ones(80))
    whole = rows.information() / 80
    information = Information(rows, np.eye(5), whole)
    right = information.gains()
    information._t *= 1.001
    information._check()
    np.testing.assert_allclose(information.gains(), right, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_the_cold_start_chooses_by_the_geometry_at_unit_length(form: type[Bait] | type[BaitFull]) -> None:
    context = unlabeled_context(20, 3, 4)
    assert context.geometry is not None
    points = torch.nn.functional.normalize(context.geometry.read())
    warm = replace(context, candidates=Outputs(context.candidates.logits, points))
    warm = replace(warm, labeled=warm.candidates.at(torch.arange(0)))
    assert form().query(context, 5, rng=rng()).tolist() == form().query(warm, 5, rng=rng()).tolist()


def test_a_matrix_that_does_not_fit_is_refused_in_a_sentence() -> None:
    def ask(count: int) -> list[int]:
        outputs = Outputs(torch.zeros(count, 10), torch.ones(count, 1280))
        points = Points(torch.zeros(count, 2), torch.arange(count))
        context = QueryContext(
            outputs, 10, labeled=outputs.at(torch.arange(0)), geometry=points, labeled_geometry=points
        )
        return BaitFull().query(context, 2, rng=rng()).tolist()

    with pytest.raises(
        QueryError, match=r"bait-full needs 7 GB for 1280 candidates, 10 classes and 12800 weights: ask"
    ):
        ask(1280)
    assert len(set(ask(5))) == 2  # five embeddings point in at most five directions
    context = make_context(n=40, num_classes=3, dim=1, labeled=2)
    wide = Outputs(torch.zeros(9000, 3), torch.zeros(1, 9000).expand(9000, 9000))
    with pytest.raises(QueryError, match="bait needs 3 GB for embeddings of 9000 numbers: take a strategy"):
        Bait().query(replace(context, candidates=wide), 2, rng=rng())
    with pytest.raises(QueryError, match=r"x finds the last layer .* 9000 numbers are too many: take a strategy"):
        last_layer(replace(context, candidates=wide, labeled=None), "x")


def test_a_ridge_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="above 0, not 0"):
        Bait(0)


@pytest.mark.parametrize("form", FORMS)
def test_before_the_first_label_random_candidates_stand_for_a_large_pool(
    form: type[Bait] | type[BaitFull], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as fit, and never fewer than the 2k that are chosen before k are dropped."""
    context = unlabeled_context(60, 2, 4)
    for room, k, most in ((20, 3, 20), (2, 5, 10)):
        monkeypatch.setattr(_fisher, "_KEPT", 8 * 4 * room)
        of = rng()
        looked = torch.from_numpy(np.sort(of.choice(60, most, replace=False, shuffle=False)))
        expected = looked[form().query(context.at(looked), k, rng=of)]
        assert form().query(context, k, rng=rng()).tolist() == expected.tolist()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's counters are those of Linux")
def test_the_cold_start_reads_the_geometry_in_blocks() -> None:
    """40,000 × 512 are kept as 164 MB in float64; what is read at a time takes no more than that again."""
    points = Points(torch.ones(40_000, 512, dtype=torch.float16), torch.arange(40_000))
    blank, nobody = (Outputs(torch.zeros(n, 2), torch.zeros(n, 0)) for n in (40_000, 0))
    context = QueryContext(blank, 2, labeled=nobody, geometry=points, labeled_geometry=points.at(torch.arange(0)))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is now
    before = memory("VmRSS")
    Bait().query(context, 1, rng=rng())
    assert memory("VmHWM") - before < 2 * 164


def memory(field: str) -> float:
    """MB of this process."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":")]
    return int(line.split()[1]) * 1024 / 1e6
