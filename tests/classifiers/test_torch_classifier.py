from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import FittedTorchClassifier, TorchClassifier
from iale.data.arrays import ArraySamples
from iale.errors import DataError, ModelError

Way = Literal["equal", "remainder"]
SHAPE, CLASSES = (1, 6, 6), 3
SAMPLES = ArraySamples(np.random.default_rng(0).random((30, *SHAPE), dtype=np.float32), channels="first")
LABELS = torch.from_numpy(np.random.default_rng(1).integers(0, CLASSES, 30))
ALL = torch.arange(30)
CPU = TrainingConfig(epochs=2, batch_size=8, device="cpu")


def job(n: int = 20, seed: int = 1) -> FitJob:
    return FitJob(ALL[:n], LABELS[:n], seed)


def small(*, dropout: float = 0.5) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(36, 16), nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(16, CLASSES)
    )


def fit(
    module: nn.Module | Callable[[], nn.Module], the_job: FitJob | None = None, training: TrainingConfig = CPU
) -> FittedTorchClassifier:
    return TorchClassifier(module, SHAPE, training).fit(SAMPLES, the_job or job())


def logits(fitted: FittedTorchClassifier) -> Tensor:
    return fitted.outputs(SAMPLES, ALL).logits


class Paper(nn.Module):
    """As in many tutorials: the head is defined first, and `view` flattens the output of convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(10, CLASSES)
        self.conv = nn.Conv2d(1, 4, 3)
        self.dense = nn.Linear(4 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv(x))
        x = x.view(x.size(0), -1)
        logits: Tensor = self.head(torch.relu(self.dense(x)))
        return logits


SCRIPT = """
import hashlib, numpy as np, torch
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
samples = ArraySamples(np.random.default_rng(0).random((30, 1, 6, 6), dtype=np.float32), channels="first")
labels = torch.from_numpy(np.random.default_rng(1).integers(0, 3, 30))
for seed in (1, 2):
    fit = build_classifier("cnn", samples, 3, TrainingConfig(epochs=2, batch_size=8, device="cpu")).fit(
        samples, FitJob(torch.arange(20), labels[:20], seed))
    logits = fit.outputs(samples, torch.arange(30)).logits
    passes = fit.monte_carlo(samples, torch.arange(30), 2, seed)
    print(logits.numpy().tobytes().hex(), passes.numpy().tobytes().hex())
"""


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_another_seed_does_not() -> None:
    here = []
    for seed in (1, 2):
        fitted = build_classifier("cnn", SAMPLES, CLASSES, CPU).fit(SAMPLES, job(seed=seed))
        passes = fitted.monte_carlo(SAMPLES, ALL, 2, seed)
        here.append([logits(fitted).numpy().tobytes().hex(), passes.numpy().tobytes().hex()])
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert [line.split() for line in done.stdout.splitlines()] == here
    assert here[0] != here[1]


@pytest.mark.parametrize("make", [small, lambda: small(dropout=0.0), Paper])
def test_a_users_module_fits_the_same_way_twice(make: Callable[[], nn.Module]) -> None:
    first, again, other = fit(make()), fit(make()), fit(make(), job(seed=2))
    assert torch.equal(logits(first), logits(again))
    assert not torch.equal(logits(first), logits(other))


def test_jobs_do_not_affect_one_another() -> None:
    classifier = TorchClassifier(small(), SHAPE, CPU)
    alone = [logits(classifier.fit(SAMPLES, job(seed=seed))) for seed in (2, 1)]
    together = classifier.fit_many(SAMPLES, [job(seed=1), job(seed=2)])
    assert torch.equal(together[0].outputs(SAMPLES, ALL).logits, alone[1])
    assert torch.equal(together[1].outputs(SAMPLES, ALL).logits, alone[0])


def test_global_random_state_is_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seed: int) -> None:
        raise AssertionError("torch.manual_seed also seeds every GPU, and nothing puts that back")

    monkeypatch.setattr(torch, "manual_seed", refuse)
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.Dropout(), nn.LazyLinear(CLASSES))
    before = torch.get_rng_state()
    for model in (small(), lazy, small):
        state = torch.get_rng_state()
        fitted = fit(model)
        fitted.monte_carlo(SAMPLES, ALL, 2, seed=0)
        logits(fitted)
        assert torch.equal(torch.get_rng_state(), state)
    build_classifier("cnn", SAMPLES, CLASSES, CPU).fit(SAMPLES, job())
    assert before.shape == torch.get_rng_state().shape


def test_global_random_state_does_not_matter() -> None:
    def pretrained() -> nn.Module:
        return small()

    torch.randn(3)
    first = TorchClassifier(pretrained, SHAPE, CPU, reinitialize=False).fit(SAMPLES, job())
    torch.randn(5)
    again = TorchClassifier(pretrained, SHAPE, CPU, reinitialize=False).fit(SAMPLES, job())
    assert torch.equal(logits(first), logits(again))


def test_the_users_module_is_not_changed() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Linear(36, CLASSES))
    module.train()
    before = copy.deepcopy(module.state_dict())
    fit(module)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


def test_a_fitted_module_is_ready_to_be_used() -> None:
    fitted = fit(small())
    assert not fitted.module.training
    torch.testing.assert_close(fitted.module(SAMPLES.batch(ALL)).detach(), logits(fitted))


def test_outputs_in_chunks_are_in_the_order_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit(small())
    whole = fitted.outputs(SAMPLES, ALL)
    monkeypatch.setattr("iale.classifiers._passes.CHUNK", 4)
    fitted = fit(small())
    order = ALL.flip(0)
    torch.testing.assert_close(fitted.outputs(SAMPLES, order).logits, whole.logits.flip(0))
    torch.testing.assert_close(fitted.outputs(SAMPLES, order).embeddings, whole.embeddings.flip(0))


def test_logits_are_the_last_layer_of_the_embeddings() -> None:
    """The last layer is the one that runs last, even if it was defined first."""
    for module, name in ((small(), "4"), (Paper(), "head")):
        fitted = fit(module)
        outputs = fitted.outputs(SAMPLES, ALL)
        last = fitted.module.get_submodule(name)
        assert isinstance(last, nn.Linear)
        assert outputs.embeddings.shape == (30, last.in_features)
        torch.testing.assert_close(last(outputs.embeddings).detach(), outputs.logits)


def test_a_named_layer_gives_its_output_as_it_left_the_layer() -> None:
    """The ReLU after it works in place, but the embedding keeps its negative values."""
    classifier = TorchClassifier(small(), SHAPE, CPU, embedding_layer="1")
    fitted = classifier.fit(SAMPLES, job())
    dense = fitted.module.get_submodule("1")
    embeddings = fitted.outputs(SAMPLES, ALL).embeddings
    assert classifier.embedding_dim == 16
    torch.testing.assert_close(embeddings, dense(SAMPLES.batch(ALL).flatten(1)).detach())
    assert float(embeddings.min()) < 0


def test_named_feature_maps_are_flattened() -> None:
    assert TorchClassifier(Paper(), SHAPE, CPU, embedding_layer="conv").embedding_dim == 64


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.layer(x.flatten(1)[:, :6]))  # type: ignore[no-any-return]


class Sequences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.LSTM(6, 5, batch_first=True)
        self.head = nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.memory(x[:, 0])[0][:, -1])  # type: ignore[no-any-return]


class Parameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.head = nn.Linear(36, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.flatten(1) * self.scale)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("module", "layer", "message"),
    [
        (small(), "backbone", "no layer 'backbone' for the embeddings: its layers are 0, 1, 2, 3, 4"),
        (Parameters(), None, "weights of 'Parameters' cannot be drawn anew .no reset_parameters."),
        (Twice(), None, "ran 2 times in one forward pass"),
        (Sequences(), "memory", "must give one tensor"),
        (nn.Linear(6, 2), None, r"forward must return logits of shape \[batch, classes\]"),
        (nn.Linear(5, 2), None, r"cannot read a batch of shape \(1, 1, 6, 6\) \(mat1 and mat2"),
        (nn.Sequential(nn.BatchNorm1d(36), nn.Linear(36, 2)), None, "cannot read a batch of shape"),
    ],
)
def test_a_module_that_does_not_fit_is_refused_at_once(module: nn.Module, layer: str | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        TorchClassifier(module, SHAPE, CPU, embedding_layer=layer)


def test_a_function_makes_what_cannot_be_drawn_anew() -> None:
    assert logits(fit(Parameters)).shape == (30, CLASSES)
    sequences = fit(Sequences())
    assert sequences.outputs(SAMPLES, ALL).embeddings.shape == (30, 5)


def test_a_function_that_returns_one_model_twice_is_refused() -> None:
    model = small()
    with pytest.raises(ModelError, match="returned one model twice"):
        fit(lambda: model)


def test_weights_are_drawn_anew_for_every_fit() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES))
    slow = TrainingConfig(epochs=1, learning_rate=1e-9, device="cpu")
    weights = [fit(module, job(seed=seed), slow).module.get_submodule("1").weight for seed in (1, 2)]
    own = module[1].weight
    assert not torch.allclose(weights[0], own, atol=1e-3)  # type: ignore[arg-type]
    assert not torch.allclose(weights[0], weights[1], atol=1e-3)  # type: ignore[arg-type]


def test_a_pretrained_model_starts_from_its_own_weights() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES))
    slow = TrainingConfig(epochs=1, learning_rate=1e-9, device="cpu")
    fitted = TorchClassifier(module, SHAPE, slow, reinitialize=False).fit(SAMPLES, job())
    torch.testing.assert_close(fitted.module.state_dict(), module.state_dict(), atol=1e-6, rtol=0)


def test_frozen_weights_stay() -> None:
    module = small()
    module[1].requires_grad_(False)
    fitted = TorchClassifier(module, SHAPE, CPU, reinitialize=False).fit(SAMPLES, job())
    assert torch.equal(fitted.module.get_submodule("1").weight, module[1].weight)  # type: ignore[arg-type]
    assert not torch.equal(fitted.module.get_submodule("4").weight, module[4].weight)  # type: ignore[arg-type]


class Counting(nn.Module):
    """Logits that are right for the first few samples, and a count of training passes."""

    passes: Tensor

    def __init__(self, right: int) -> None:
        super().__init__()
        self.right = right
        self.head = nn.Linear(1, 2)
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.passes += 1
        known = (x[:, :1] < self.right).float() * 2 - 1
        return self.head(known) * 0 + torch.cat([known, -known], dim=1)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("right", "epochs"), [(100, 1), (55, 1), (54, 9), (0, 9)])
def test_training_stops_at_the_accuracy_and_not_before(right: int, epochs: int) -> None:
    """55 of 100 reaches 0.55, although 0.55 · 100 is above 55 in floating point."""
    assert 0.55 * 100 > 55
    samples = ArraySamples(np.arange(100, dtype=np.float32)[:, None])
    training = TrainingConfig(epochs=9, batch_size=100, stop_accuracy=0.55, device="cpu")
    zeros = FitJob(torch.arange(100), torch.zeros(100, dtype=torch.int64), 0)
    fitted = TorchClassifier(Counting(right), (1,), training).fit(samples, zeros)
    assert int(fitted.module.passes) == epochs  # type: ignore[arg-type]


def norm() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, CLASSES))


@pytest.mark.parametrize(
    ("batches", "size", "n", "expected"),
    [
        ("remainder", 8, 8, [8]),
        ("remainder", 8, 9, [9]),
        ("remainder", 8, 17, [8, 9]),
        ("equal", 8, 9, [5, 4]),
        ("equal", 2, 5, [2, 3]),
    ],
)
def test_batch_normalization_never_meets_a_lone_last_sample(
    batches: Way, size: int, n: int, expected: list[int]
) -> None:
    sizes: list[int] = []

    class Spy(nn.Flatten):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                sizes.append(len(x))
            return super().forward(x)

    training = TrainingConfig(epochs=1, batch_size=size, batches=batches, device="cpu")
    fit(nn.Sequential(Spy(), norm()), job(n), training)
    assert sizes == expected


def test_batch_normalization_with_one_sample_is_an_error_and_others_learn() -> None:
    with pytest.raises(ModelError, match="cannot learn from one sample at a time"):
        fit(norm(), job(1))
    with pytest.raises(ModelError, match="use a batch size of at least 2"):
        fit(norm(), job(4), TrainingConfig(epochs=1, batch_size=1, device="cpu"))
    assert bool(torch.isfinite(logits(fit(small(), job(1)))).all())


def test_nothing_to_train_on_and_labels_out_of_range() -> None:
    with pytest.raises(DataError, match="no labeled samples to train on"):
        fit(small(), job(0))
    for label in (-1, CLASSES):
        with pytest.raises(DataError, match="takes 0 to 2"):
            fit(small(), FitJob(ALL[:2], torch.tensor([0, label]), 0))


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ModelError, match="a loss that is not finite"):
        fit(small(), training=TrainingConfig(epochs=3, learning_rate=1e30, device="cpu"))


@pytest.mark.parametrize("name", ["cnn", "mlp", "resnet18", "own"])
def test_monte_carlo_passes_differ_and_agree_with_the_evaluation_on_average(name: str) -> None:
    samples = ArraySamples(np.random.default_rng(0).random((30, 1, 8, 8), dtype=np.float32), channels="first")
    if name == "own":
        module = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, CLASSES))
        fitted = TorchClassifier(module, (1, 8, 8), CPU).fit(samples, job())
    else:
        recipe = build_classifier(name, samples, CLASSES, CPU)
        assert isinstance(recipe, TorchClassifier)
        fitted = recipe.fit(samples, job())
    state = copy.deepcopy(fitted.module.state_dict())
    passes = fitted.monte_carlo(samples, ALL[:7], 100, seed=3)
    assert passes.shape == (100, 7, CLASSES)
    torch.testing.assert_close(passes.sum(dim=-1), torch.ones(100, 7))
    assert len(torch.unique(passes, dim=0)) == 100
    assert float((passes.mean(dim=0) - fitted.outputs(samples, ALL[:7]).probs).abs().max()) < 0.1
    assert torch.equal(passes, fitted.monte_carlo(samples, ALL[:7], 100, seed=3))
    assert not torch.equal(passes, fitted.monte_carlo(samples, ALL[:7], 100, seed=4))
    assert not any(m.training for m in fitted.module.modules())
    assert all(torch.equal(value, state[key]) for key, value in fitted.module.state_dict().items())


def test_monte_carlo_masks_of_one_sample_do_not_repeat_in_another_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iale.classifiers._passes.CHUNK", 2)
    same = torch.zeros(6, dtype=torch.int64)
    for model in (small(), "cnn"):
        recipe = model if isinstance(model, str) else None
        classifier = build_classifier(recipe, SAMPLES, CLASSES, CPU) if recipe else TorchClassifier(small(), SHAPE, CPU)
        passes = classifier.fit(SAMPLES, job()).monte_carlo(SAMPLES, same, 3, seed=0)
        assert len(torch.unique(passes.reshape(18, CLASSES), dim=0)) == 18


@pytest.mark.parametrize("p", [None, 0.0])
def test_monte_carlo_without_dropout_is_an_error_not_noise(p: float | None) -> None:
    module = Paper() if p is None else small(dropout=p)
    classifier = TorchClassifier(module, SHAPE, CPU)
    assert not classifier.has_dropout
    with pytest.raises(ModelError, match="needs a dropout layer with p > 0"):
        classifier.fit(SAMPLES, job()).monte_carlo(SAMPLES, ALL, 2, seed=0)


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.5, batch_first=True)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x[:, 0]).mean(dim=1))  # type: ignore[no-any-return]


def test_monte_carlo_reaches_the_dropout_of_a_transformer() -> None:
    """PyTorch's fused inference path skips it silently."""
    before = torch.backends.mha.get_fastpath_enabled()
    passes = fit(Transformer).monte_carlo(SAMPLES, ALL, 5, seed=0)
    assert len(torch.unique(passes, dim=0)) == 5
    assert torch.backends.mha.get_fastpath_enabled() == before


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(1e-9)
        self.head = nn.Linear(36, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(x.mul_(0.5).flatten(1)))  # type: ignore[no-any-return]


def test_a_module_that_works_on_its_input_in_place() -> None:
    fitted = fit(InPlace())
    passes = fitted.monte_carlo(SAMPLES, ALL, 3, seed=0)
    torch.testing.assert_close(passes, fitted.outputs(SAMPLES, ALL).probs.expand(3, -1, -1))


def test_volumes() -> None:
    samples = ArraySamples(np.random.default_rng(0).random((10, 64), dtype=np.float32))
    module = nn.Sequential(nn.Unflatten(1, (1, 4, 4, 4)), nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(16, 2))
    job = FitJob(torch.arange(10), torch.arange(10) % 2, 0)
    fitted = TorchClassifier(module, (64,), CPU).fit(samples, job)
    assert fitted.outputs(samples, torch.arange(10)).logits.shape == (10, 2)


def test_bytes_reach_a_users_module_between_0_and_1() -> None:
    samples = ArraySamples(np.full((4, 2, 2), 255, dtype=np.uint8))
    module = nn.Sequential(nn.Flatten(), nn.Identity(), nn.Linear(4, 2))
    fitted = TorchClassifier(module, (1, 2, 2), CPU).fit(samples, FitJob(torch.arange(4), torch.arange(4) % 2, 0))
    assert fitted.outputs(samples, torch.arange(4)).embeddings.tolist() == [[1.0] * 4] * 4


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_a_gpu_fit_draws_the_same_and_ends_close(name: str) -> None:
    state = torch.cuda.get_rng_state_all()
    fits = [
        build_classifier(name, SAMPLES, CLASSES, TrainingConfig(epochs=2, batch_size=8, device=device)).fit(
            SAMPLES, job()
        )
        for device in ("cpu", "cuda")
    ]
    cpu, gpu = (fitted.outputs(SAMPLES, ALL) for fitted in fits)
    assert gpu.logits.device.type == "cpu"
    torch.testing.assert_close(cpu.logits, gpu.logits, atol=1e-2, rtol=1e-2)
    passes = [fitted.monte_carlo(SAMPLES, ALL, 4, seed=0) for fitted in fits]
    torch.testing.assert_close(*passes, atol=1e-2, rtol=1e-2)
    assert all(map(torch.equal, state, torch.cuda.get_rng_state_all()))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_users_module_fits_the_same_way_twice_on_a_gpu() -> None:
    training = TrainingConfig(epochs=2, batch_size=8, device="cuda")
    assert torch.equal(logits(fit(small(), training=training)), logits(fit(small(), training=training)))
