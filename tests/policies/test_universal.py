"""The universal policy: it starts as Uncertainty Herding, chooses what its plan says, and keeps every contract."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from iale._model import is_free
from iale._storage import write_tensors
from iale.classifiers.base import Outputs
from iale.classifiers.build import CLASSIFIERS, build_classifier
from iale.classifiers.heads import LinearHead
from iale.cli._main import main
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.errors import IaleError, PolicyError
from iale.geometry.points import Points
from iale.learner import Learner, QueryConfig
from iale.policies.catalog import find_strategy
from iale.policies.saved import load_card, load_policy, save_policy
from iale.policies.universal import Form, UniversalPolicy, untrained_policy
from iale.policies.universal._batches import batch_features
from iale.policies.universal._herding import learned_herding
from iale.policies.universal._network import Plan, UniversalNetwork
from iale.policies.universal._proposals import proposals
from iale.policies.universal._scene import observe, scene_of
from iale.recipe import RecipeConfig
from iale.seeding import Stream
from iale.strategies import _herd
from iale.strategies._herd import look_at
from iale.strategies.base import QueryContext
from iale.strategies.herding import UncertaintyHerding
from iale.testing import check_strategy, contract, make_context, tied_contexts, unlabeled_context
from tests.policies import universal as slow


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def opened(form: Form = "herding", gates: Sequence[float] = (4.0, 3.0, 2.0, 0.7, 0.4)) -> UniversalPolicy:
    """A policy that has learned something, though nothing good."""
    policy = untrained_policy(Stream(5), form)
    policy.network.gates.data = torch.tensor(gates)
    return policy


CONTEXTS = [
    ("usual", make_context(n=60, labeled=9)),
    ("no labels", unlabeled_context(n=60)),
    ("one label", make_context(n=60, labeled=1)),
    ("one candidate", make_context(n=1)),
    *tied_contexts(n=60),
]


@pytest.mark.parametrize(("name", "context"), CONTEXTS)
def test_before_training_it_is_uncertainty_herding(name: str, context: QueryContext) -> None:
    for k in {1, min(7, len(context)), len(context)}:
        for seed in range(3):
            found = untrained_policy(Stream(seed)).query(context, k, rng=rng(seed))
            assert torch.equal(found, UncertaintyHerding().query(context, k, rng=rng(seed))), name


def test_it_sketches_the_pool_that_uncertainty_herding_sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_herd, "_WHOLE", 100)
    monkeypatch.setattr(_herd, "_SKETCH", 50)
    context = make_context(n=300)
    for k in (10, 80):  # more than the sketch holds
        found = untrained_policy(Stream(0)).query(context, k, rng=rng())
        assert torch.equal(found, UncertaintyHerding().query(context, k, rng=rng()))
    for policy in (opened(), opened("selector")):
        for k in (10, 80, 300):
            assert len(torch.unique(policy.query(context, k, rng=rng()))) == k


def test_a_closed_gate_leaves_nothing_of_its_part() -> None:
    scene = observe(make_context(), 3, rng())
    plan = untrained_policy(Stream(1)).network.plan(scene.rows, scene.context)
    assert not any(bool(part.any()) for part in (plan.log_weights, plan.log_preference, plan.log_bandwidth, plan.share))
    plan = opened().network.plan(scene.rows, scene.context)
    assert all(bool((part != 0).all()) for part in (plan.log_weights, plan.log_preference, plan.log_bandwidth))
    assert 0 < float(plan.share.detach()) < 1


def test_one_gate_opens_for_a_power_of_the_gain_of_bait() -> None:
    scene = observe(make_context(), 3, rng())
    preference = opened(gates=(0, 0, 0, 0, 0.6)).network.plan(scene.rows, scene.context).log_preference.detach()
    powers = preference / scene.column("information")
    assert 0 < float(powers[0]) < 0.6
    torch.testing.assert_close(powers, powers[:1].expand_as(powers))
    most = opened(gates=(0, 0, 0, 0, 1e4)).network.plan(scene.rows, scene.context).log_preference.detach()
    torch.testing.assert_close(most, scene.column("information"))


@pytest.mark.parametrize("gate", [-1e4, -0.1, 0.0, 0.1, 1e4])
def test_a_plan_is_bounded_and_every_gate_learns(gate: float) -> None:
    scene = observe(make_context(), 3, rng())
    network = opened(gates=(gate,) * 5).network
    plan = network.plan(scene.rows, scene.context)
    assert bool((plan.log_weights.abs() <= 3).all())
    assert bool((plan.log_preference.abs() <= 8).all())
    assert bool(plan.log_bandwidth.abs() <= math.log(3) + 1e-6)
    assert bool((plan.share >= 0) & (plan.share <= 1))
    if abs(gate) < 1:
        numbers = torch.randn(24, generator=Stream(0).torch())
        total = (plan.log_weights + plan.log_preference) @ numbers + plan.log_bandwidth + plan.share
        total.backward()  # type: ignore[no-untyped-call]
        assert network.gates.grad is not None
        assert bool((network.gates.grad != 0).all())


def test_weights_come_from_the_stream() -> None:
    one, same, other = (UniversalNetwork(Stream(seed)).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["_candidate.0.weight"], other["_candidate.0.weight"])


def test_features_are_standardized_by_what_the_network_keeps() -> None:
    scene, network = observe(make_context(), 3, rng()), opened().network
    batches = batch_features(scene, torch.tensor([[1, 2], [3, 4]]))
    before = network.plan(scene.rows, scene.context), network.value(batches, scene.context)
    network.row_mean += 1.0
    network.row_std *= 2.0
    network.context_std *= 0.5
    network.batch_mean -= 3.0
    after = network.plan(2 * scene.rows + 1, scene.context / 2), network.value(batches - 3, scene.context / 2)
    torch.testing.assert_close(after[0].log_weights, before[0].log_weights, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after[1], before[1], rtol=1e-4, atol=1e-5)


def is_greedy(answer: Sequence[int], context: QueryContext, plan: Plan) -> None:
    """Each choice has the largest gain that is left, by the formula, in float64, all with all."""
    assert context.geometry is not None
    assert context.labeled_geometry is not None
    assert context.labeled is not None
    factor, share = math.exp(float(plan.log_bandwidth)), float(plan.share)
    views = (
        (context.geometry.read(), context.labeled_geometry.read()),
        (context.candidates.embeddings, context.labeled.embeddings),
    )
    near, known = np.zeros((len(context), len(context))), np.zeros((len(context), len(context.labeled)))
    for part, (rows, labeled), width in zip((1 - share, share), views, slow.widths(context), strict=True):
        one, other = slow.units(rows), slow.units(labeled)
        near += part * np.exp(-((one[:, None] - one[None]) ** 2).sum(axis=2) / (factor * width) ** 2)
        known += part * np.exp(-((one[:, None] - other[None]) ** 2).sum(axis=2) / (factor * width) ** 2)
    assert context.temperature is not None
    u = np.array([slow.margin_uncertainty(p) for p in slow.softmax(context.candidates.logits, context.temperature)])
    weights, preference = (np.exp(part.double().numpy()) for part in (plan.log_weights, plan.log_preference))
    covered, left = known.max(axis=1), np.ones(len(context), dtype=bool)
    for choice in answer:
        gains = preference * (np.maximum(near - covered, 0) @ (u * weights)) / (u * weights).sum()
        assert gains[choice] >= gains[left].max() - 1e-9
        left[choice] = False
        covered = np.maximum(covered, near[choice])


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("n", "seed"), [(80, 0), (80, 1), (700, 2)])
def test_learned_herding_is_greedy_for_its_plan(share: float, n: int, seed: int) -> None:
    context, generator = make_context(n=n, labeled=9, seed=seed), Stream(seed).torch()
    herd = look_at_(context)
    draws = torch.randn(2, n, generator=generator)
    plan = Plan(draws[0], draws[1], torch.tensor(0.3), torch.tensor(share))
    answer = learned_herding(context, herd, scene_of(context, 30, herd), plan, 30)
    is_greedy(answer.tolist(), context, plan)
    if share in (0.0, 0.4):
        plain = UncertaintyHerding().query(context, 30, rng=rng())
        assert answer.tolist() != plain.tolist()


def look_at_(context: QueryContext) -> _herd.Herd:
    assert context.geometry is not None
    return look_at(context.geometry, rng())


def test_of_equal_rows_the_preferred_one_is_chosen() -> None:
    ties = dict(tied_contexts(n=40))
    context = ties["constant"]
    herd = look_at_(context)
    scene, zero = scene_of(context, 1, herd), torch.zeros(40)
    preference = zero.clone()
    preference[17] = 1.0
    context = replace(context, temperature=1.0)
    assert context.labeled_geometry is not None
    far = Points(-context.labeled_geometry.read(), torch.arange(len(context.labeled_geometry)))
    plan = Plan(zero, preference, torch.tensor(0.0), torch.tensor(0.0))
    assert learned_herding(replace(context, labeled_geometry=far), herd, scene, plan, 1).tolist() == [17]


def test_the_selector_takes_the_most_valuable_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the value is the mean rank of the uncertainty, so Margin's batch is taken; or what is likest inside."""
    monkeypatch.setattr("iale.policies.universal._proposals._PART", 40)
    context, policy = make_context(n=80, labeled=9), opened("selector")
    herd = look_at_(context)
    scene, seen = scene_of(context, 6, herd), []
    for column in (0, 1, 30):

        def value(batches: Tensor, _: Tensor, column: int = column) -> Tensor:
            seen.append(batches)
            return batches[:, column]

        monkeypatch.setattr(policy.network, "value", value)
        answer = policy.query(context, 6, rng=rng())
        features = batch_features(scene, answer)
        assert float(features[column]) == pytest.approx(float(seen[-1][:, column].max()), abs=1e-5)
    assert {len(batches) for batches in seen} == {1 + 6 * 2}


def test_strategies_that_a_context_cannot_serve_propose_nothing() -> None:
    context = make_context(n=30, labeled=9)
    assert context.labeled is not None
    blind = replace(
        context,
        candidates=Outputs(context.candidates.logits, torch.zeros(30, 0)),
        labeled=Outputs(context.labeled.logits, torch.zeros(9, 0)),
    )
    for given, count in ((context, 6), (blind, 4), (unlabeled_context(n=30), 4)):
        found = list(proposals(given, look_at_(given), 5, rng()))
        assert len(found) == count
        assert all(len(torch.unique(batch)) == 5 for batch in found)
        for form in ("herding", "selector"):
            assert len(torch.unique(opened(form).query(given, 5, rng=rng()))) == 5


def test_herding_keeps_the_contract_of_every_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "tied_contexts", partial(tied_contexts, n=150))
    check_strategy(opened())


def test_the_selector_keeps_the_contract_of_every_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer contexts and draws: it asks seven strategies each time."""
    monkeypatch.setattr(contract, "tied_contexts", partial(tied_contexts, n=40))
    monkeypatch.setattr(contract, "_SEEDS", 2)
    monkeypatch.setattr(contract, "_DRAWS", 30)
    check_strategy(opened("selector"))


SIZES = [(1, 4, 6, 9), (2, 2, 1, 0), (24, 2, 1, 1), (24, 1000, 6, 9), (30, 3, 2048, 30), (30, 4, 200, 0)]


@pytest.mark.parametrize(("n", "classes", "dim", "labeled"), SIZES)
@pytest.mark.parametrize("form", ["herding", "selector"])
def test_every_size_is_served(n: int, classes: int, dim: int, labeled: int, form: Form, tmp_path: Path) -> None:
    """By a policy that was saved before."""
    save_policy(opened(form), tmp_path, {})
    policy = load_policy(tmp_path, UniversalPolicy)
    context = make_context(n, classes, dim, labeled) if labeled else unlabeled_context(n, classes, dim)
    one = replace(context, labels=torch.zeros(labeled, dtype=torch.int64))
    for given in (context, one):
        for k in {1, n}:
            answer = policy.query(given, k, rng=rng()).tolist()
            assert len({*answer} & {*range(n)}) == len(answer) == k


@pytest.mark.parametrize("name", tuple(CLASSIFIERS))
def test_no_classifier_refuses_a_saved_policy(name: str, tmp_path: Path) -> None:
    images = ArraySamples(np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8))
    save_policy(opened(), tmp_path, {})
    for classes in (2, 1000):
        load_policy(tmp_path, UniversalPolicy).check(build_classifier(name, images, classes))


def test_one_policy_serves_a_pool_from_zero_labels_on() -> None:
    generator = Stream(2).torch()
    values = torch.randn(120, 5, generator=generator)
    labels = (values[:, 0] > 0).long() + (values[:, 1] > 0).long()
    samples = ArraySamples(values.numpy())
    classifier, policy = LinearHead(samples, 3), opened()
    policy.check(classifier)
    pool = Pool(torch.arange(120), 3)
    learner = Learner(
        classifier, samples, pool, QueryConfig(subset_size=None), Stream(0), geometry=Points(values, torch.arange(120))
    )
    learner.start_cold(policy.needs)
    for _ in range(4):
        chosen = learner.query(policy, 6)
        pool.acquire(chosen, labels[chosen])
        learner.fit(policy.needs)
    assert len(pool.labeled) == 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_policy(opened("selector"), tmp_path / "mine", {"source": {"states": 3}})
    return tmp_path / "mine"


def test_what_is_saved_is_loaded_and_has_no_shape(folder: Path) -> None:
    loaded = load_policy(folder, UniversalPolicy)
    assert isinstance(find_strategy(str(folder)), UniversalPolicy)
    assert loaded.form == "selector"
    context = make_context()
    assert torch.equal(loaded.query(context, 5, rng=rng()), opened("selector").query(context, 5, rng=rng()))
    again = folder.parent / "again"
    save_policy(loaded, again, {"source": {"states": 3}})
    for name in ("weights.safetensors", "card.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    card = load_card(folder)
    assert card["kind"] == "universal"
    assert not {"num_classes", "embedding_dim"} & set(card)


@pytest.mark.parametrize("change", [{"form": "oracle"}, {"form": None}, {"weights_sha256": "0"}, {"kind": "iale"}])
def test_an_altered_card_is_refused(folder: Path, change: dict[str, object]) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(IaleError) as caught:
        load_policy(folder)
    assert "\n" not in str(caught.value)
    del card["form"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(PolicyError, match="incomplete"):
        load_policy(folder)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    network = opened().network.state_dict()
    network["row_mean"] = torch.zeros(7)
    write_tensors(folder / "weights.safetensors", network)
    with pytest.raises(IaleError):
        load_policy(folder)


def test_the_list_of_policies_shows_one_that_has_no_shape(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("iale.policies.catalog.PRETRAINED", folder.parent)
    assert main(["policies"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "mine",
        "universal",
        "many",
        "many",
        "many",
        "any",
        "any",
    ]


def test_a_project_with_a_universal_policy_leaves_the_model_to_iale(folder: Path) -> None:
    assert is_free(RecipeConfig(strategy=str(folder)))
