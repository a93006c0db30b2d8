"""`LinearHead` against scikit-learn in float64, and what must change nothing."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from iale.classifiers._linear._problems import Problems
from iale.classifiers._linear._solver import Descent, solve
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.heads import FittedLinearHead, LinearHead
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, DataError, ModelError

CPU = TrainingConfig(device="cpu")
RNG = np.random.default_rng(0)
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def rows(n: int, width: int, kind: str = "normal") -> ArraySamples:
    x = np.random.default_rng(n + width).normal(size=(n, width))
    if kind == "tied":
        x = x.round()
    if kind == "duplicated":
        x[n // 2 :] = x[: n - n // 2]
    if kind == "constant":
        x[:, ::3] = 7.0
    if kind == "one-hot":
        x = np.eye(width)[np.random.default_rng(1).integers(width, size=n)]
    return ArraySamples(x.astype(np.float32))


def fitted(head: LinearHead, samples: ArraySamples, *jobs: FitJob) -> list[FittedLinearHead]:
    found = [each for each in head.fit_many(samples, jobs) if isinstance(each, FittedLinearHead)]
    assert len(found) == len(jobs)
    return found


def reference(x: Floats, y: Integers, l2: float, weights: Floats | None = None) -> float:
    """The least loss, by scikit-learn at a tight tolerance; it fits only the classes that have labels."""
    several = len(np.unique(y)) > 2
    model = LogisticRegression(C=(1 if several else 2) / l2, tol=1e-10, max_iter=20_000).fit(x, y, weights)
    missed = -model.predict_log_proba(x)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    penalty = (model.coef_**2).sum() * (1 if several else 0.5)
    return float((missed * (1 if weights is None else weights)).sum() + l2 / 2 * penalty)


def loss(head: FittedLinearHead, x: Floats, y: Integers, weights: Floats | None = None) -> float:
    """The objective over the classes that have labels."""
    seen = np.unique(y)
    logits = torch.from_numpy(x) @ head.weight.double().T + head.bias.double()
    logs = torch.log_softmax(logits[:, seen], dim=1).numpy()
    missed = -logs[np.arange(len(y)), np.searchsorted(seen, y)]
    counted = missed * (1 if weights is None else weights)
    return float(counted.sum() + head.l2 / 2 * (head.weight.double() ** 2).sum())


def standardized(head: FittedLinearHead, samples: ArraySamples, indices: Tensor) -> Floats:
    found: Floats = head.outputs(samples, indices).embeddings.double().numpy()
    return found


@pytest.mark.parametrize("kind", ["normal", "tied", "duplicated", "constant", "one-hot"])
@pytest.mark.parametrize(("n", "width", "classes"), [(40, 6, 3), (30, 60, 4), (25, 30, 2), (90, 5, 9)])
@pytest.mark.parametrize("l2", [0.01, 1.0, 300.0])
def test_the_loss_is_the_least(kind: str, n: int, width: int, classes: int, l2: float) -> None:
    samples = rows(n, width, kind)
    labels = torch.from_numpy(np.random.default_rng(n).integers(classes, size=n))
    # Of C + 2 classes, two have no labels: the last one and one in the middle.
    labels += labels >= classes // 2
    (head,) = fitted(LinearHead(samples, classes + 2, CPU, l2=l2), samples, FitJob(torch.arange(n), labels, 0))
    x, y = standardized(head, samples, torch.arange(n)), labels.numpy().astype(np.int64)
    assert loss(head, x, y) == pytest.approx(reference(x, y, l2), rel=1e-6)
    assert head.weight[[classes // 2, -1]].abs().max() == 0


@pytest.mark.parametrize("weights", ["balanced", (1.0, 5.0, 0.5)])
def test_class_weights_weigh_the_cross_entropies(weights: str | tuple[float, ...]) -> None:
    samples, labels = rows(50, 8), torch.tensor([0] * 30 + [1] * 15 + [2] * 5)
    training = replace(CPU, class_weights=weights)  # type: ignore[arg-type]
    (head,) = fitted(LinearHead(samples, 3, training, l2=2.0), samples, FitJob(torch.arange(50), labels, 0))
    each = np.array([50 / 90, 50 / 45, 50 / 15]) if weights == "balanced" else np.array(weights)
    x, y = standardized(head, samples, torch.arange(50)), labels.numpy()
    assert loss(head, x, y, each[y]) == pytest.approx(reference(x, y, 2.0, each[y]), rel=1e-6)


def test_neighbors_seeds_and_the_order_of_labels_change_nothing() -> None:
    samples = rows(300, 40)
    labels = torch.from_numpy(RNG.integers(6, size=300))
    sizes = (3, 39, 40, 41, 44, 90, 250)
    drawn = [torch.from_numpy(RNG.permutation(300)[:n]) for n in sizes]
    jobs = [FitJob(own, labels[own], seed) for seed, own in enumerate(drawn)]
    head = LinearHead(samples, 6, CPU)
    together = fitted(head, samples, *jobs)
    for job, one in zip(jobs, together, strict=True):
        turned = FitJob(job.indices.flip(0), job.labels.flip(0), job.seed + 1)
        (alone,) = fitted(head, samples, turned)
        assert alone.l2 == one.l2
        torch.testing.assert_close(alone.weight, one.weight, atol=1e-8, rtol=1e-6)
        torch.testing.assert_close(alone.bias, one.bias, atol=1e-8, rtol=1e-6)
    (again,) = fitted(head, samples, replace(jobs[4], indices=jobs[4].indices.flip(0), labels=jobs[4].labels.flip(0)))
    assert torch.equal(again.weight, fitted(head, samples, jobs[4])[0].weight)


def test_one_class_and_none_beside_it() -> None:
    samples = rows(9, 4)
    (head,) = fitted(LinearHead(samples, 3, CPU), samples, FitJob(torch.arange(9), torch.ones(9, dtype=torch.int64), 0))
    outputs = head.outputs(samples, torch.arange(9))
    torch.testing.assert_close(outputs.logits, torch.tensor([[-np.log(10), 0, -np.log(10)]]).float().expand(9, 3))
    (one,) = fitted(LinearHead(samples, 3, CPU), samples, FitJob(torch.tensor([2]), torch.tensor([2]), 0))
    assert one.outputs(samples, torch.arange(9)).predictions.tolist() == [2] * 9


def test_a_class_without_labels_is_never_predicted() -> None:
    samples, labels = rows(200, 5), torch.tensor([0] * 19 + [3])
    (head,) = fitted(LinearHead(samples, 5, CPU, l2=1e-3), samples, FitJob(torch.arange(20), labels, 0))
    outputs = head.outputs(samples, torch.arange(200))
    assert set(outputs.predictions.tolist()) <= {0, 3}
    assert float(outputs.probs[:, [1, 2, 4]].max()) < 1 / 21
    torch.testing.assert_close(outputs.logits[:, [0, 3]].mean(dim=1), torch.zeros(200), atol=1e-5, rtol=0)


def test_coefficients_are_those_of_the_raw_inputs() -> None:
    images = RNG.integers(0, 256, (60, 3, 4, 5), dtype=np.uint8)
    for samples in (ArraySamples(images, channels="first"), rows(60, 7, "constant")):
        (head,) = fitted(LinearHead(samples, 2, CPU), samples, FitJob(torch.arange(40), torch.arange(40) % 2, 0))
        logits = head.outputs(samples, torch.arange(60)).logits.double().numpy()
        raw = samples.batch(torch.arange(60)).flatten(1).double().numpy()
        np.testing.assert_allclose(raw @ head.coef.T + head.intercept, logits, atol=1e-4)
        linear = head.module.get_submodule("head.0")
        assert isinstance(linear, nn.Linear)
        assert head.module.state_dict().keys() == {
            "standardize.mean",
            "standardize.std",
            "head.0.weight",
            "head.0.bias",
        }


def test_many_labels_choose_their_strength() -> None:
    x = RNG.normal(size=(400, 20))
    informative = (x[:, 0] > 0).astype(np.int64)
    noise = RNG.integers(2, size=400)
    samples = ArraySamples(x.astype(np.float32))
    clear, vague, few = fitted(
        LinearHead(samples, 2, CPU),
        samples,
        FitJob(torch.arange(400), torch.from_numpy(informative), 0),
        FitJob(torch.arange(400), torch.from_numpy(noise), 0),
        FitJob(torch.arange(9), torch.arange(9) % 2, 0),
    )
    assert clear.l2 < vague.l2
    assert few.l2 == pytest.approx(0.02 * 20)


@pytest.mark.parametrize("width", [10, 90])
def test_the_chosen_strength_is_that_of_the_plain_loop(width: int) -> None:
    from iale.classifiers._folds import stratified_folds
    from iale.classifiers._linear._strengths import GRID
    from iale.classifiers.heads import _STREAM as stream

    rng = np.random.default_rng(width)
    labels = torch.from_numpy(rng.integers(3, size=60))
    x = rng.normal(size=(60, width)) + 0.7 * rng.normal(size=(3, width))[labels]
    samples = ArraySamples(x.astype(np.float32))
    head = LinearHead(samples, 3, CPU)
    (one,) = fitted(head, samples, FitJob(torch.arange(60), labels, 0))
    x, y = standardized(one, samples, torch.arange(60)), labels.numpy()
    fold = stratified_folds(torch.arange(60), labels, 5, stream).numpy()
    losses = []
    for l2 in GRID:
        missed = np.zeros(60)
        for number in range(5):
            model = LogisticRegression(C=1 / (l2 * width), tol=1e-8, max_iter=5000).fit(
                x[fold != number], y[fold != number]
            )
            out = fold == number
            missed[out] = -model.predict_log_proba(x[out])[np.arange(out.sum()), y[out]]
        losses.append(missed.sum())
    assert one.l2 == pytest.approx(width * GRID[int(np.argmin(losses))])


@pytest.mark.parametrize(("n", "width", "most"), [(60, 20, 150), (200, 64, 220), (200, 300, 140), (700, 30, 600)])
def test_a_cross_validated_fit_takes_few_products(
    n: int, width: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of nine strengths begins close to its end, and every step is one product with the samples."""
    counted, products = list[int](), Problems.products

    def count(problems: Problems, v: Tensor, added: Tensor, out: Tensor | None = None) -> Tensor:
        counted.append(len(v))
        return products(problems, v, added, out)

    monkeypatch.setattr(Problems, "products", count)
    rng = np.random.default_rng(n + width)
    labels = rng.integers(10, size=n)
    x = (rng.normal(size=(10, width))[labels] * 0.5 + rng.normal(size=(n, width))) / np.sqrt(1 + np.arange(width))
    samples = ArraySamples(x.astype(np.float32))
    fitted(LinearHead(samples, 10, CPU), samples, FitJob(torch.arange(n), torch.from_numpy(labels), 0))
    assert len(counted) <= most


def test_the_grid_runs_around_the_default() -> None:
    from iale.classifiers._linear._strengths import DEFAULT, GRID

    assert len(GRID) == 9
    assert GRID[4] == DEFAULT
    assert all(one / other == pytest.approx(10**0.5) for one, other in pairwise(GRID))


@pytest.mark.parametrize(
    ("options", "l2", "message"),
    [
        ({"epochs": 20}, None, "a linear head is solved exactly and has no epochs: leave it out, or choose mlp."),
        ({"learning_rate": 0.1}, None, "has no learning rate"),
        ({"weight_decay": 0.1}, None, "has no weight decay"),
        ({"stop_accuracy": 0.9}, None, "has no stop accuracy"),
        ({}, 0.0, "the l2 strength must be above 0, not 0.0."),
        ({}, float("nan"), "must be above 0"),
        ({"class_weights": (1.0, 2.0)}, None, "there are 2 class weights and 3 classes"),
    ],
)
def test_what_a_head_has_not_is_refused(options: dict[str, float], l2: float | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LinearHead(rows(10, 3), 3, TrainingConfig(**options), l2=l2)  # type: ignore[arg-type]


def test_a_name_and_its_options() -> None:
    samples = rows(10, 3)
    names: list[str] = ["mlp", "linear"]
    head = build_classifier("linear", samples, 2, CPU, l2=3.0)
    assert isinstance(head, LinearHead)
    assert head.l2 == 3.0
    assert (head.num_classes, head.embedding_dim, head.has_dropout) == (2, 3, False)
    with pytest.raises(ConfigError, match="l2 is the strength of a linear head"):
        build_classifier(names[0], samples, 2, CPU, l2=3.0)
    with pytest.raises(ConfigError, match="takes no optimizer"):
        build_classifier(names[1], samples, 2, CPU, optimizer=torch.optim.AdamW)
    (one,) = fitted(head, samples, FitJob(torch.arange(4), torch.arange(4) % 2, 0))
    with pytest.raises(ModelError, match="no"):
        one.monte_carlo(samples, torch.arange(3), 2, 0)
    with pytest.raises(DataError, match="labels run from 0 to 2"):
        head.fit_many(samples, [FitJob(torch.arange(3), torch.arange(3), 0)])
    assert head.fit_many(samples, []) == []
    assert one.fingerprint() == fitted(head, samples, FitJob(torch.arange(4), torch.arange(4) % 2, 9))[0].fingerprint()


def test_global_random_state_stays() -> None:
    samples = rows(20, 3)
    before = torch.get_rng_state()
    head = LinearHead(samples, 2, CPU)
    fitted(head, samples, FitJob(torch.arange(20), torch.arange(20) % 2, 0))[0].outputs(samples, torch.arange(20))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("l2", [1e-5, 1e-3, 0.1])
@pytest.mark.parametrize(("n", "width"), [(12, 2), (40, 3), (12, 30)])
def test_separable_and_repeated_samples(n: int, width: int, l2: float) -> None:
    """The weights grow, and the samples outnumber what they span."""
    x = np.random.default_rng(0).normal(size=(n, width))
    x[:, 0] = np.where(np.arange(n) % 2, 3, -3) + x[:, 0] / 10
    x[n // 2 :] = x[: n - n // 2]
    samples, labels = ArraySamples(x.astype(np.float32)), torch.arange(n) % 2
    (head,) = fitted(LinearHead(samples, 2, CPU, l2=l2), samples, FitJob(torch.arange(n), labels, 0))
    raw, y = standardized(head, samples, torch.arange(n)), labels.numpy()
    assert loss(head, raw, y) <= reference(raw, y, l2) + 1e-6 * n


def test_outliers_whose_class_is_certain_do_not_spoil_the_steps() -> None:
    """Logits of thousands: what rounding leaves of their curvature must not count. A fit that does not end warns."""
    rng = np.random.default_rng(532)
    y = rng.integers(6, size=500)
    x = 0.5 * rng.normal(size=(6, 32))[y] + rng.normal(size=(500, 32))
    x[:5] *= 1e4
    samples = ArraySamples(x.astype(np.float32))
    (head,) = fitted(LinearHead(samples, 6, CPU), samples, FitJob(torch.arange(500), torch.from_numpy(y), 0))
    raw = standardized(head, samples, torch.arange(500))
    assert loss(head, raw, y) == pytest.approx(reference(raw, y, head.l2), rel=1e-6)


def test_a_fit_that_does_not_end_gives_the_best_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, labels = rows(60, 20), torch.arange(60) % 3
    job = FitJob(torch.arange(60), labels, 0)
    y, losses = labels.numpy(), []
    for steps in (2, 60):
        monkeypatch.setattr("iale.classifiers._linear._solver._STEPS", {torch.float32: steps, torch.float64: steps})
        monkeypatch.setattr("iale.classifiers._linear._solver._ROUNDS", {torch.float32: 1, torch.float64: 1})
        with pytest.warns(UserWarning, match="raise its l2") if steps == 2 else nullcontext():
            (head,) = fitted(LinearHead(samples, 3, CPU, l2=1.0), samples, job)
        losses.append(loss(head, standardized(head, samples, torch.arange(60)), y))
    assert losses[1] < losses[0] < 60 * np.log(3)


@pytest.mark.parametrize(("n", "width"), [(48, 64), (200, 10)])
@pytest.mark.parametrize("l2", [1e-3, 0.1, 10.0])
def test_what_a_head_can_still_gain_is_bounded(n: int, width: int, l2: float) -> None:
    """The bound that ends a fit, looked at in float64 long before its end."""
    x = torch.from_numpy(np.random.default_rng(n).normal(size=(1, n, width)))
    x -= x.mean(dim=1, keepdim=True)
    labels = (torch.arange(n) % 4)[None, None]
    gram = torch.bmm(x, x.mT) if n <= 2 * width else None
    weights, shares, strengths = (
        x.new_full((1, *of), value) for of, value in (((1, n), 1 / n), ((4, 1), 1 / 4), ((1, 1), l2 / n))
    )
    problems = Problems(x, labels, weights, shares, strengths, gram)
    least = objective(problems, *solve(problems, *problems.start(), 1e-12)[:2])
    for tolerance in (1e-1, 1e-2, 1e-3, 1e-5):
        descent = Descent(problems, *Descent(problems, *problems.start()).run(tolerance))
        bound = float(descent.excess())
        excess = objective(problems, *descent.found()) / least - 1
        assert -1e-11 < excess <= bound


def objective(problems: Problems, a: Tensor, b: Tensor) -> float:
    weights = torch.bmm(a, problems.inputs)
    logs = torch.log_softmax(torch.bmm(weights, problems.inputs.mT) + b, dim=1)
    missed = -(logs.gather(1, problems.labels) * problems.weights).sum()
    return float(missed + problems.strengths[0, 0, 0] * weights.square().sum() / 2)
