"""A prediction takes as many samples at a time as their activations allow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from iale.classifiers import torch_classifier
from iale.classifiers._activations import samples_at_once
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError

ONCE = TrainingConfig(epochs=1, device="cpu")


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2))


class Functional(nn.Module):
    """The same without layers that a hook would see, and with weights much larger than an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.large = nn.Parameter(torch.ones(16, 1, 3, 3)), nn.Linear(16, 2000)
        self.head = nn.Linear(2000, 2)

    def reset_parameters(self) -> None:
        nn.init.ones_(self.kernel)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.conv2d(x, self.kernel, padding=1)
        return self.head(self.large(x.mean(dim=(2, 3))))  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", [convolution, Functional])
@pytest.mark.parametrize(("device", "mebibytes", "images"), [("cuda", 256, 60), ("cpu", 24, 5)])
def test_a_convolution_on_large_images_takes_what_fits_into_the_budget(
    make: Callable[[], nn.Module], device: str, mebibytes: int, images: int
) -> None:
    """One image of 256 × 256: 256 KiB in, 4 MiB out. No GPU is needed: nothing is fitted."""
    assert images == (mebibytes << 20) // (17 * 256 * 256 * 4)
    training = TrainingConfig(epochs=1, device=device)
    assert TorchClassifier(make(), (1, 256, 256), training).chunks.size == images


@pytest.mark.parametrize(("name", "size"), [("mlp", 500), ("cnn", (24 << 20) // (2 * 32 * 29**2 * 4))])
def test_small_inputs_are_taken_five_hundred_at_a_time(name: str, size: int) -> None:
    """Of the CNN fewer on a CPU: its first ReLU reads and writes 32 maps of 29 × 29."""
    samples = ArraySamples(torch.zeros(10, 1, 28, 28))
    classifier = build_classifier(name, samples, 10, ONCE)
    assert isinstance(classifier, TorchClassifier)
    assert classifier.chunks.size == size


def test_one_sample_is_always_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_classifier, "ON_CPU", 10)
    assert TorchClassifier(convolution(), (1, 8, 8), ONCE).chunks.size == 1


def test_operations_that_depend_on_the_batch_are_bounded_by_the_larger_pass() -> None:
    def run(count: int) -> None:
        for _ in range(count):
            torch.zeros(count, 250).relu()  # 8 bytes × 250 × count

    assert samples_at_once(run, 10**9, budget=10**8) == 10**8 // (2 * 2 * 250 * 4)


class Spy(nn.Module):
    """Notes how many samples it meets."""

    sizes: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 2))

    def forward(self, x: Tensor) -> Tensor:
        Spy.sizes.append(len(x))
        return self.body(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("forced", "largest"), [(None, 5), (3, 3), (700, 21)])
def test_no_module_meets_more_samples_in_a_prediction(
    forced: int | None, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of_one = 64 * 4 + 4 * 36 * 4
    monkeypatch.setattr(torch_classifier, "ON_CPU", 5 * bytes_of_one + 1)
    Spy.sizes = []
    training = TrainingConfig(epochs=1, device="cpu", prediction_batch_size=forced)
    classifier = TorchClassifier(Spy(), (1, 8, 8), training)
    samples = ArraySamples(torch.randn(21, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    fitted = classifier.fit(samples, FitJob(torch.arange(4), torch.arange(4) % 2, 0))
    Spy.sizes = []
    outputs = fitted.outputs(samples, torch.arange(21))
    fitted.monte_carlo(samples, torch.arange(21), 2, seed=0)
    assert max(Spy.sizes) == largest
    assert sum(Spy.sizes) == 3 * 21
    torch.testing.assert_close(outputs.logits, fitted.module(samples.batch(torch.arange(21))).detach())


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_results_do_not_depend_on_how_many_are_taken(name: str) -> None:
    samples = ArraySamples(torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    found = []
    for size in (None, 1, 7):
        training = TrainingConfig(epochs=2, device="cpu", prediction_batch_size=size)
        classifier = build_classifier(name, samples, 3, training)
        fitted = classifier.fit(samples, FitJob(torch.arange(9), torch.arange(9) % 3, 0))
        everything = torch.arange(40)
        found.append((fitted.outputs(samples, everything).logits, fitted.monte_carlo(samples, everything, 5, seed=1)))
    for logits, passes in found[1:]:
        torch.testing.assert_close(logits, found[0][0])
        torch.testing.assert_close(passes, found[0][1])


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="the prediction batch size must be at least 1, not 0"):
        TrainingConfig(prediction_batch_size=0)
    with pytest.raises(ConfigError, match="unknown batches 'half': use equal or remainder"):
        TrainingConfig(batches="half")  # type: ignore[arg-type]


HEAD = """
import sys
import torch
from iale.classifiers.base import FitJob
from iale.classifiers.heads import LinearHead
from iale.data.arrays import ArraySamples

two = ArraySamples(torch.eye(2))
fitted = LinearHead(two, 2, l2=1.0).fit(two, FitJob(torch.arange(2), torch.arange(2), 0))
print(fitted.outputs(two, torch.arange(2)).predictions.tolist(), "torch._dynamo" in sys.modules)
"""


def test_a_head_does_not_wait_for_the_compiler() -> None:
    """PyTorch imports its compiler for seconds when it is first told to leave something uncompiled."""
    done = subprocess.run([sys.executable, "-c", HEAD], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 1] False"


def test_a_compiled_model_is_measured_and_the_meter_is_not_compiled(caplog: pytest.LogCaptureFixture) -> None:
    compiled = torch.compile(convolution(), backend="eager")
    assert isinstance(compiled, nn.Module)
    found = TorchClassifier(compiled, (1, 256, 256), ONCE, reinitialize=False)
    assert found.chunks.size == (24 << 20) // (17 * 256 * 256 * 4)
    assert "recompile_limit" not in caplog.text
