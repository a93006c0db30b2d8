"""What a user trained is kept, or drawn anew with a warning; what is frozen never changes."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale import ActiveLearner
from iale import _storage as storage
from iale.classifiers._fixed import load_fitted
from iale.classifiers._fresh import trained_layer
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.data.arrays import ArraySamples
from iale.errors import ModelError, StorageError, WeightsWarning
from iale.seeding import Stream

CPU = TrainingConfig(epochs=60, learning_rate=1e-2, device="cpu")
GENTLE = TrainingConfig(epochs=10, device="cpu")


def draw(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points whose class is the sign of a product, which 40 labels alone do not teach."""
    x = np.random.default_rng(seed).normal(size=(n, 20)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))  # type: ignore[no-any-return]


def trained(steps: int = 900, samples: int = 20_000) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, (x, y) = Net(), draw(samples, 1)
        optimizer = torch.optim.Adam(net.parameters(), 2e-3)
        for rows in torch.randint(0, samples, (steps, 256)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(torch.from_numpy(x)[rows]), torch.from_numpy(y)[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return net


@pytest.fixture(scope="module")
def net() -> Net:
    return trained()


X, Y = draw(2000)


def learned(learner: ActiveLearner) -> tuple[float, Any]:
    """The accuracy after 40 labels, and the fitted module."""
    learner.tell(list(range(40)), Y[:40])
    fitted = learner.fit()
    accuracy = (fitted.outputs(ArraySamples(X), torch.arange(2000)).predictions.numpy() == Y).mean()
    return float(accuracy), fitted.module  # type: ignore[attr-defined]


def test_a_frozen_backbone_is_kept_and_its_head_is_learned(net: Net) -> None:
    own = copy.deepcopy(net)
    own.backbone.requires_grad_(False)
    own.head.reset_parameters()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the head is fresh, so nothing is drawn that anyone might miss
        accuracy, module = learned(ActiveLearner(own, X, training=CPU))
    assert accuracy > 0.9
    assert all(map(torch.equal, module.get_submodule("backbone").parameters(), net.backbone.parameters()))
    assert not torch.equal(module.head.weight, own.head.weight)


def test_trained_weights_are_kept_if_one_says_so_and_a_warning_is_given_if_not(net: Net) -> None:
    with pytest.warns(WeightsWarning, match="the weights of 'backbone.0' look trained, but every fit draws them anew"):
        learner = ActiveLearner(net, X, training=CPU)
    assert learned(learner)[0] < 0.75
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert learned(ActiveLearner(net, X, training=GENTLE, reinitialize=False))[0] > 0.9
        ActiveLearner(net, X, training=CPU, reinitialize=True)
        ActiveLearner(lambda: copy.deepcopy(net), X, training=CPU)  # a function's models keep their weights


def test_frozen_normalization_keeps_its_statistics() -> None:
    model: Any = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.BatchNorm1d(8, affine=False), nn.Linear(8, 2))
    whole: Any = nn.Sequential(nn.Sequential(*model[:3]), model[3])
    whole[0].requires_grad_(False)
    for norm in (model[1], model[2]):
        norm.running_mean.fill_(3.0)
    before = copy.deepcopy(whole[0].state_dict())
    fitted = TorchClassifier(whole, (20,), CPU).fit(
        ArraySamples(X), FitJob(torch.arange(9), torch.from_numpy(Y[:9]), 0)
    )
    after = fitted.module.get_submodule("0").state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    # One label is enough, because nothing that learns normalizes over the batch.
    TorchClassifier(whole, (20,), CPU).fit(ArraySamples(X), FitJob(torch.arange(1), torch.zeros(1).long(), 0))


def test_one_frozen_parameter_of_a_layer_stays() -> None:
    model: Any = nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 2))
    model[0].bias.requires_grad_(False)
    fresh: Any = TorchClassifier(model, (20,), CPU).initial_module(Stream(3))
    assert torch.equal(fresh[0].bias, model[0].bias)
    assert not torch.equal(fresh[0].weight, model[0].weight)


def test_frozen_layers_of_a_built_in_network_stay_and_others_are_drawn_as_before() -> None:
    samples = ArraySamples(X)
    mlp: Any = build_classifier("mlp", samples, 2, CPU).initial_module(Stream(1))
    free: Any = TorchClassifier(mlp, (20,), CPU, reinitialize=True).initial_module(Stream(5))
    mlp.get_submodule("trunk").requires_grad_(False)
    held: Any = TorchClassifier(mlp, (20,), CPU).initial_module(Stream(5))
    assert torch.equal(held.trunk[1].weight, mlp.trunk[1].weight)
    assert torch.equal(held.head[1].weight, free.head[1].weight)


def test_a_model_that_is_all_frozen_cannot_be_fitted() -> None:
    model = nn.Linear(20, 2).requires_grad_(False)
    learner = ActiveLearner(model, X, training=CPU)
    learner.tell([0, 1], [0, 1])
    with pytest.raises(ModelError, match="no parameter that requires a gradient, so there is nothing to fit"):
        learner.fit()


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(64, 10),
    "small": lambda: nn.Linear(4, 2),
    "conv": lambda: nn.Conv2d(3, 32, 3),
    "transposed": lambda: nn.ConvTranspose2d(4, 8, 3),
    "embedding": lambda: nn.Embedding(100, 16, padding_idx=0),
    "lstm": lambda: nn.LSTM(8, 16),
    "norms": lambda: nn.Sequential(nn.BatchNorm2d(4), nn.LayerNorm(7), nn.GroupNorm(2, 4)),
    "transformer": lambda: nn.TransformerEncoderLayer(16, 2, 32),
}
INITS: dict[str, Callable[[Tensor], object] | None] = {
    "default": None,
    "kaiming": nn.init.kaiming_normal_,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "zeros": nn.init.zeros_,
    "truncated": lambda weight: nn.init.trunc_normal_(weight, std=0.02),
    "narrow": lambda weight: nn.init.trunc_normal_(weight, std=0.1, a=-0.2, b=0.2),
}


@pytest.mark.statistical
@pytest.mark.parametrize("layer", LAYERS)
def test_no_fresh_layer_looks_trained(layer: str) -> None:
    """In 300 draws of each of these, none was named; 12 are tried here, so a failure by chance is below 1 in 100."""
    for init in INITS.values():
        for seed in range(12):
            with torch.random.fork_rng(), torch.no_grad():
                torch.manual_seed(seed)
                module = LAYERS[layer]()
                for parameter in module.parameters():
                    if parameter.dim() > 1 and init is not None:
                        init(parameter)
            assert trained_layer(module) is None


@pytest.mark.statistical
def test_layers_that_were_trained_look_so() -> None:
    """Found in 20 of 20 networks after 100 steps."""
    assert trained_layer(trained(100, 1000)) is not None
    norm = nn.LayerNorm(8)
    norm.weight.data += torch.linspace(0, 0.1, 8)
    assert trained_layer(norm) == "LayerNorm"
    assert trained_layer(norm.requires_grad_(False)) is None  # frozen weights are not drawn anew


def test_from_fitted_ranks_with_the_model_as_it_is(net: Net) -> None:
    learner = ActiveLearner.from_fitted(net, X, "margin", subset_size=None)
    with torch.no_grad():
        top = net(torch.from_numpy(X)).softmax(1).sort(dim=1).values
    first = (top[:, 1] - top[:, 0]).argsort(stable=True)[:8].tolist()
    assert learner.ask(8) == first  # no label, and nothing drawn at random
    learner.tell(first[:3], [0, 1, 0])
    assert learner.ask(5) == first[3:]
    assert all(map(torch.equal, learner.fit().module.parameters(), net.parameters()))  # type: ignore[attr-defined]
    assert len(ActiveLearner.from_fitted(net, X, "coreset").ask(4)) == 4
    with pytest.raises(ModelError, match="a committee needs several fits"):
        ActiveLearner.from_fitted(net, X, "ensemble").ask(4)


def test_weights_of_another_model_are_refused(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    recipe = TorchClassifier(Net, (20,), CPU)
    storage.write_tensors(path, net.state_dict())
    fitted = load_fitted(recipe, path).fit_many(ArraySamples(X), [FitJob(torch.arange(0), torch.arange(0), 0)])[0]
    with torch.no_grad():
        torch.testing.assert_close(
            fitted.outputs(ArraySamples(X), torch.arange(9)).logits, net(torch.from_numpy(X[:9]))
        )
    for name, change in (("head.bias", None), ("head.bias", torch.zeros(3)), ("other", torch.zeros(1))):
        tensors = {key: value for key, value in net.state_dict().items() if key != name}
        storage.write_tensors(path, tensors if change is None else {**tensors, name: change})
        with pytest.raises(ModelError, match=f"belong to another model .'{name}'"):
            load_fitted(recipe, path)
    torch.save(net.state_dict(), path)
    with pytest.raises(StorageError, match="not a whole safetensors file"):
        load_fitted(recipe, path)
    assert math.isfinite(float(fitted.outputs(ArraySamples(X), torch.arange(0)).logits.sum()))


def test_weights_are_loaded_into_layers_that_wait_for_their_first_input(tmp_path: Path) -> None:
    def lazy() -> nn.Module:
        return nn.Sequential(nn.LazyLinear(6), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2))

    recipe, path = TorchClassifier(lazy, (20,), CPU), tmp_path / "weights.safetensors"
    job = FitJob(torch.arange(20), torch.arange(20) % 2, 0)
    fitted = recipe.fit(ArraySamples(X), job)
    storage.write_tensors(path, fitted.module.state_dict())
    loaded = load_fitted(recipe, path).fit_many(ArraySamples(X), [job])[0]
    outputs = [each.outputs(ArraySamples(X), torch.arange(9)).logits for each in (fitted, loaded)]
    assert torch.equal(*outputs)
    # As everything else that a job draws, the weights come from its seed.
    again, other = (recipe.initial_module(Stream(seed)).state_dict()["0.weight"] for seed in (3, 4))
    assert torch.equal(again, recipe.initial_module(Stream(3)).state_dict()["0.weight"])
    assert not torch.equal(again, other)
