"""Stacked training against its definition, the plain loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale.classifiers import networks
from iale.classifiers._chunks import Chunks
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.stacked import _stack as stacked_training
from iale.classifiers.stacked import _train as stacked
from iale.classifiers.stacked._convolutions import Way
from iale.classifiers.stacked._plan import plan
from iale.classifiers.stacked._stack import Stack
from iale.classifiers.stacked._train import stackable, train_stacked
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data.arrays import ArraySamples
from iale.errors import DataError, MemoryWarning, ModelError
from iale.seeding import Stream

Batches = Literal["equal", "remainder"]
SHAPE, CLASSES = (2, 9, 8), 3
SAMPLES = ArraySamples(np.random.default_rng(0).integers(0, 256, (60, *SHAPE), dtype=np.uint8))
LABELS = torch.from_numpy(np.random.default_rng(1).integers(0, CLASSES, 60))
CPU = torch.device("cpu")


def recipe(
    name: str = "cnn",
    dtype: torch.dtype = torch.float64,
    stop: float | None = None,
    batches: Batches = "equal",
) -> TorchClassifier:
    training = TrainingConfig(epochs=5, batch_size=8, batches=batches, stop_accuracy=stop, device="cpu")
    make = getattr(networks, name)
    return TorchClassifier(lambda: make(SHAPE, CLASSES, [0.5, 0.4], [0.3, 0.2]).to(dtype), SHAPE, training)


def jobs(*lengths: int) -> list[FitJob]:
    drawn = [torch.from_numpy(np.random.default_rng(r).permutation(60)[:n]) for r, n in enumerate(lengths)]
    return [FitJob(indices, LABELS[indices], seed) for seed, indices in enumerate(drawn)]


MIXED = jobs(20, 7, 33, 32, 1, 8)


def stack(classifier: TorchClassifier, these: list[FitJob], width: int, way: Way = "auto") -> list[nn.Module]:
    trained = [classifier.initial_module(Stream(job.seed)) for job in these]
    train_stacked(trained, SAMPLES, these, classifier.training, chunks=Chunks(width), way=way)
    return trained


def plain(classifier: TorchClassifier, these: list[FitJob]) -> list[nn.Module]:
    return [classifier.fit(SAMPLES, job).module for job in these]


def distance(a: list[nn.Module], b: list[nn.Module]) -> float:
    pairs = [pair for x, y in zip(a, b, strict=True) for pair in zip(x.parameters(), y.parameters(), strict=True)]
    return max(float((v - w).detach().abs().max()) for v, w in pairs)


@pytest.mark.parametrize("stop", [None, 0.6])
@pytest.mark.parametrize("width", [1, 4, 6])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
@pytest.mark.parametrize("batches", ["equal", "remainder"])
def test_stacked_equals_the_plain_loop_in_float64(batches: Batches, name: str, width: int, stop: float | None) -> None:
    classifier = recipe(name, stop=stop, batches=batches)
    expected = plain(classifier, MIXED)
    initial = [classifier.initial_module(Stream(job.seed)) for job in MIXED]
    assert distance(expected, initial) > 1e-3
    assert distance(stack(classifier, MIXED, width), expected) < 1e-11


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_stacked_equals_the_plain_loop_in_float32_up_to_the_rounding_that_adam_amplifies(name: str) -> None:
    classifier = recipe(name, torch.float32)
    assert distance(stack(classifier, MIXED, 6), plain(classifier, MIXED)) < 1e-3


def test_early_stop_ends_each_fit_where_the_plain_loop_does() -> None:
    stopped, whole = recipe(stop=0.6), recipe()
    ended = [distance([a], [b]) > 0 for a, b in zip(plain(stopped, MIXED), plain(whole, MIXED), strict=True)]
    assert any(ended)
    assert not all(ended)  # in the tests above, some networks of a stack stop early and others do not


@pytest.mark.parametrize("way", ["unfold", "each", "grouped"])
def test_every_way_to_convolve_gives_the_same(way: Way) -> None:
    classifier = recipe()
    assert distance(stack(classifier, MIXED, 6, way), plain(classifier, MIXED)) < 1e-11


def test_a_classifier_depends_neither_on_its_neighbours_nor_on_their_number() -> None:
    classifier = recipe()
    alone = stack(classifier, MIXED[:1], 1)
    for others in (MIXED[1:2], MIXED[2:4], jobs(60)[:1] + MIXED[1:]):
        assert distance(stack(classifier, MIXED[:1] + others, 8)[:1], alone) < 1e-11


def test_steps_counted_on_the_device_equal_those_counted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that a GPU replays, run on the CPU: whole batches with padding, numbered by a tensor."""

    def take(self: Stack, start: int, stop: int) -> None:
        for _ in range(start, stop):
            self._next_step()

    classifier = recipe(stop=0.6)
    expected = plain(classifier, MIXED)
    monkeypatch.setattr(Stack, "_take", take)
    assert distance(stack(classifier, MIXED, 6), expected) < 1e-11
    # On a GPU, bytes are standardized batch by batch, and networks that have left stay until half have.
    monkeypatch.setattr(Stack, "_runs_on_gpu", lambda self, device: True)
    assert distance(stack(classifier, MIXED, 6), expected) < 1e-11


def test_a_batch_shares_its_loss_among_its_samples_and_padding_has_none() -> None:
    these = jobs(20, 7)
    steps = plan(these, [job.indices for job in these], recipe().training, 2, CPU)
    totals = steps.shares.sum(dim=(2, 3))
    assert totals[:, 0].allclose(torch.ones(15, dtype=torch.float64))
    assert totals[:5, 1].allclose(torch.ones(5, dtype=torch.float64))
    assert not totals[5:, 1].any()
    for r, job in enumerate(these):
        epoch = steps.rows[: steps.epochs[r], r][steps.shares[: steps.epochs[r], r, :, 0] > 0]
        assert sorted(epoch.tolist()) == sorted(job.indices.tolist())
        assert set(steps.rows[:, r].flatten().tolist()) <= set(job.indices.tolist())


def test_threads_change_nothing() -> None:
    classifier, threads = recipe(dtype=torch.float32), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = classifier.fit_many(SAMPLES, MIXED)
        torch.set_num_threads(3)
        three = classifier.fit_many(SAMPLES, MIXED)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert distance(modules(one), modules(three)) == 0


def test_memory_that_runs_out_halves_the_stack_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, chunks, run = recipe(), Chunks(6), Stack.run

    def short(self: Stack) -> None:
        if len(self.plan.counts) > 2:
            raise torch.OutOfMemoryError
        run(self)

    monkeypatch.setattr(stacked_training.Stack, "run", short)
    trained = [classifier.initial_module(Stream(job.seed)) for job in MIXED]
    with pytest.warns(MemoryWarning) as caught:
        train_stacked(trained, SAMPLES, MIXED, classifier.training, chunks=chunks)
    assert len(caught) == 1
    assert chunks.size == 1
    assert distance(trained, plain(classifier, MIXED)) < 1e-11


def test_fit_many_stacks_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def note(networks: list[nn.Module], *args: object, **kwargs: object) -> None:
        calls.append(len(networks))
        cast(Callable[..., None], stacked.train_stacked)(networks, *args, **kwargs)

    monkeypatch.setattr("iale.classifiers.torch_classifier.train_stacked", note)
    classifier = recipe()
    fitted = modules(classifier.fit_many(SAMPLES, MIXED))
    assert calls == [6]
    assert not any(module.training for module in fitted)
    assert classifier.fit_many(SAMPLES, []) == []

    own = nn.Sequential(nn.Flatten(), nn.Linear(144, 5), nn.ReLU(), nn.Linear(5, CLASSES))
    short = TrainingConfig(epochs=1, batch_size=8, device="cpu")
    residual = TorchClassifier(lambda: networks.resnet18(SHAPE, CLASSES, [0.5] * 2, [0.3] * 2), SHAPE, short)
    for other in (TorchClassifier(own, SHAPE, classifier.training), residual):
        few = jobs(4, 5)
        assert distance(modules(other.fit_many(SAMPLES, few)), plain(other, few)) == 0
    assert calls == [6]


def test_what_can_be_stacked() -> None:
    for name, expected in (("cnn", True), ("mlp", True), ("resnet18", False)):
        assert stackable(getattr(networks, name)(SHAPE, CLASSES, [0.0] * 2, [1.0] * 2)) is expected
    standardize = networks.Standardize([0.0], [1.0])
    for part in (nn.Conv2d(1, 4, 3, stride=2), nn.Dropout(0.5), nn.MaxPool2d(2, 1), nn.Tanh()):
        head = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        assert not stackable(networks.Network(standardize, nn.Sequential(part), head))
    frozen = networks.mlp((1, 2, 2), 2, [0.0], [1.0])
    next(frozen.parameters()).requires_grad_(False)
    assert not stackable(frozen)


def test_dropout_may_act_on_images() -> None:
    standardize = networks.Standardize([0.5] * 2, [0.3] * 2)

    def make() -> networks.Network:
        trunk = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), networks.Dropout(0.3), nn.ReLU(), nn.Conv2d(3, 4, 2))
        head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 8 * 7, CLASSES))
        return networks.Network(standardize, trunk, head).double()

    classifier = TorchClassifier(make, SHAPE, TrainingConfig(epochs=3, batch_size=8, device="cpu"))
    assert distance(stack(classifier, MIXED, 6), plain(classifier, MIXED)) < 1e-11


def test_products_in_bfloat16_stay_near() -> None:
    classifier = recipe("cnn", torch.float32)
    these = jobs(20, 20)
    steps = plan(these, [job.indices for job in these], classifier.training, 2, CPU)
    trained = [classifier.initial_module(Stream(job.seed)) for job in these]
    with torch.no_grad():
        inputs = SAMPLES.batch(torch.arange(60))
        Stack(trained, inputs, steps, classifier.training, operands=torch.bfloat16).run()
    assert 1e-7 < distance(trained, plain(classifier, these)) < 0.03


def test_bad_jobs_and_losses_raise_as_in_the_plain_loop() -> None:
    classifier = recipe("mlp", torch.float32)
    empty: Tensor = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(DataError, match="no labeled samples"):
        classifier.fit_many(SAMPLES, [*MIXED, FitJob(empty, empty, 0)])
    wild = TrainingConfig(epochs=40, batch_size=8, learning_rate=1e38, device="cpu")
    broken = TorchClassifier(lambda: networks.mlp(SHAPE, CLASSES, [0.5] * 2, [0.3] * 2), SHAPE, wild)
    with pytest.raises(ModelError, match="not finite"):
        broken.fit_many(SAMPLES, MIXED)


def modules(fitted: object) -> list[nn.Module]:
    return [each.module for each in cast(list[FittedTorchClassifier], fitted)]
