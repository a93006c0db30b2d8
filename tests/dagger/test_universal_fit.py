"""What is learned from states: pairs of batches, the value of one, and the plan of learned herding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.dagger.universal import UniversalFitConfig
from iale.dagger.universal._examples import plan_examples, value_examples
from iale.dagger.universal._files import State
from iale.dagger.universal._fit import fit_plan, fit_value, standardize
from iale.dagger.universal._plans import planned_batch
from iale.dagger.universal._ranking import pair_weights, rank_correlation, ranking_loss
from iale.dagger.universal._scores import coverage_scores
from iale.geometry.points import Points
from iale.policies.universal._batches import batch_features
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._scene import CONTEXT_FEATURES, Scene, observe
from iale.seeding import Stream
from iale.strategies.base import Folds, QueryContext
from iale.strategies.herding import UncertaintyHerding

N, C, D = 60, 4, 6


def context(seed: int, labeled: int = 12) -> QueryContext:
    """Logits, embeddings and points at random."""
    draw = torch.Generator().manual_seed(seed)
    points = torch.randn(N + labeled, D, generator=draw)
    logits, embeddings = torch.randn(N + labeled, C, generator=draw), torch.randn(N + labeled, D + 2, generator=draw)
    return QueryContext(
        Outputs(logits[:N], embeddings[:N]),
        C,
        labeled=Outputs(logits[N:], embeddings[N:]),
        labels=torch.arange(labeled) % C,
        geometry=Points(points, torch.arange(N)),
        labeled_geometry=Points(points, torch.arange(N, N + labeled)),
        temperature=1.3,
        folds=Folds(torch.randn(labeled, C, generator=draw), torch.randn(5, N, C, generator=draw)),
    )


def scene(seed: int, k: int = 3, labeled: int = 12) -> Scene:
    return observe(context(seed, labeled), k, np.random.default_rng(seed))


def states(count: int, worth: str, shuffle: bool = False) -> list[State]:
    """States whose batches are worth the sum of a column, with a little noise; shuffled values are worth nothing."""
    found = []
    for seed in range(count):
        own, rng = scene(seed), np.random.default_rng(seed)
        batches = torch.from_numpy(np.stack([rng.permutation(N)[:3] for _ in range(14)]))
        exact = own.column(worth)[batches].sum(dim=1)
        if shuffle:
            exact = exact[torch.from_numpy(rng.permutation(len(exact)))]
        noise = torch.from_numpy(rng.standard_normal((14, 3))).float() * 0.05
        found.append(State(own, batches, exact[:, None] + noise, batch_features(own, batches)))
    return found


def test_pairs_count_by_their_gap_and_by_how_sure_it_is() -> None:
    # The gap between the first two is always 2, that to the third 1, 3 or 5: its mean is 3 and its variance 4.
    values = torch.tensor([[2.0, 4.0, 6.0], [0.0, 2.0, 4.0], [1.0, 1.0, 1.0]])
    found = pair_weights(values) * 9
    mean = (2 + 3 + 1) * 2 / 9  # of the nine absolute gaps
    assert float(found[0, 1]) == pytest.approx(2 / mean, rel=1e-5)
    assert float(found[0, 2]) == pytest.approx(3 / mean * 9 / (9 + 4 / 3), rel=1e-5)
    assert float(found[1, 2]) == pytest.approx(1 / mean * 1 / (1 + 4 / 3), rel=1e-5)
    assert float(found[1, 0]) == float(found[2, 0]) == float(found[0, 0]) == 0


def test_the_loss_is_that_of_pairs() -> None:
    scores, weights = torch.tensor([[1.0, 3.0]]), torch.tensor([[[0.0, 2.0], [0.0, 0.0]]])
    assert float(ranking_loss(scores, weights)) == pytest.approx(2 * np.log(1 + np.exp(2.0)), rel=1e-5)


def test_rank_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    one, other = torch.rand(2, 30, generator=torch.Generator().manual_seed(0))
    assert rank_correlation(one, other) == pytest.approx(float(spearmanr(one, other).statistic))
    assert rank_correlation(torch.zeros(30), other) == 0


def learned(kept: list[State], apart: list[State]) -> float:
    """The rank correlation of learned values on states that nothing was learned from."""
    network = UniversalNetwork(Stream(0))
    examples = [value_examples(some, 14) for some in (kept, apart)]
    standardize(network, examples[0], plan_examples(kept[:2], np.random.default_rng(0)))
    config = UniversalFitConfig(epochs=12)
    return fit_value(network, examples[0], examples[1], config, Stream(1)).after


def test_a_planted_value_is_learned_and_a_shuffled_one_is_not() -> None:
    planted, shuffled = states(44, "disagreement_rank"), states(44, "disagreement_rank", shuffle=True)
    assert learned(planted[:34], planted[34:]) > 0.6
    assert abs(learned(shuffled[:34], planted[34:])) < 0.5


def test_the_size_of_the_pool_is_not_read() -> None:
    network, some = UniversalNetwork(Stream(0)), states(4, "entropy")
    standardize(network, value_examples(some, 14), plan_examples(some, np.random.default_rng(0)))
    own = some[0].scene
    other = own.context.clone()
    other[CONTEXT_FEATURES.index("pool")] = 15.0
    assert torch.allclose(network.value(some[0].features, own.context.expand(14, -1)),
                          network.value(some[0].features, other.expand(14, -1)), atol=1e-6)  # fmt: skip


def slow_score(own: Scene, batch: Tensor, covered: Tensor) -> float:
    """log of what a batch covers, weighted by uncertainty, as a share of what is not covered."""
    space = own.spaces[0]
    kernel = torch.exp(-torch.cdist(space.rows.double(), space.rows.double()).square() / space.bandwidth**2)
    known = torch.exp(-torch.cdist(space.rows.double(), space.labeled.double()).square() / space.bandwidth**2)
    gain = total = 0.0
    for j in covered.tolist():
        before = float(known[j].max())
        after = max(before, *(float(kernel[c, j]) for c in batch.tolist()))
        gain += float(own.uncertainty[j]) * (after - before)
        total += float(own.uncertainty[j]) * (1 - before)
    return float(np.log(gain / total))


def test_scores_of_closed_gates_are_what_uncertainty_herding_counts() -> None:
    state = states(1, "entropy")[0]
    rng = np.random.default_rng(3)
    covered = torch.from_numpy(np.random.default_rng(3).choice(N, 128, replace=True))
    found = coverage_scores(UniversalNetwork(Stream(0)), plan_examples([state], rng))[0]
    kept = state.values.mean(dim=1).argsort()[torch.linspace(0, 13, 12).round().long()]
    expected = [slow_score(state.scene, state.batches[b], covered) for b in kept]
    assert found.tolist() == pytest.approx(expected, abs=0.02)  # distances are kept in float16


def test_gates_open_for_what_explains_more() -> None:
    network, some = UniversalNetwork(Stream(0)), states(30, "vote_apart_rank")
    examples = [plan_examples(part, np.random.default_rng(0)) for part in (some[:22], some[22:])]
    standardize(network, value_examples(some, 14), examples[0])
    fitted = fit_plan(network, examples[0], examples[1], UniversalFitConfig(epochs=6), Stream(1))
    assert fitted.epochs > 0
    assert fitted.loss_after < fitted.loss_before
    assert bool((network.gates != 0).any())


def test_gates_are_closed_again_if_they_explain_less() -> None:
    """The tasks that are set apart say the contrary of the others."""
    some = states(24, "vote_apart_rank")
    against = [replace(state, values=-state.values) for state in some]
    network = UniversalNetwork(Stream(0))
    examples = [plan_examples(part, np.random.default_rng(0)) for part in (some, against)]
    standardize(network, value_examples(some, 14), examples[0])
    fitted = fit_plan(network, examples[0], examples[1], UniversalFitConfig(epochs=3), Stream(1))
    assert fitted.epochs == 0
    assert fitted.before == fitted.after
    assert not bool(network.gates.any())


@pytest.mark.parametrize("labeled", [0, 12])
def test_the_batch_of_closed_gates_is_that_of_uncertainty_herding(labeled: int) -> None:
    for seed in range(5):
        own = context(seed, labeled)
        expected = UncertaintyHerding().query(own, 7, rng=np.random.default_rng(0))
        seen = observe(own, 7, np.random.default_rng(0))
        found = planned_batch(UniversalNetwork(Stream(0)), seen, 7, np.random.default_rng(0))
        assert found.tolist() == expected.tolist()


def test_noise_changes_the_batch() -> None:
    own, network = scene(0), UniversalNetwork(Stream(0))
    batches = [planned_batch(network, own, 5, np.random.default_rng(seed), 1.0).tolist() for seed in range(4)]
    assert len({tuple(sorted(batch)) for batch in batches}) > 1
    assert all(len(set(batch)) == 5 for batch in batches)
