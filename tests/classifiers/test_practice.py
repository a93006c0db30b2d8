"""Weight decay, class weights, and an optimizer and a loss of the user's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iale import ActiveLearner, TorchClassifier, TrainingConfig
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import FitJob
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, ModelError
from iale.learner import CycleConfig

RNG = np.random.default_rng(0)
SAMPLES = ArraySamples(RNG.normal(size=(40, 6)).astype(np.float32))
LABELS = torch.from_numpy((np.arange(40) % 10 == 0).astype(np.int64))  # 4 of 40 are of class 1
WHOLE = TrainingConfig(epochs=30, batch_size=40, learning_rate=0.05, device="cpu")
JOB = FitJob(torch.arange(40), LABELS, 3)


def naive(training: TrainingConfig, weights: Tensor | None) -> Tensor:
    """Weights of a linear model after Adam (Kingma & Ba 2015, Algorithm 1) with gradients by autograd."""
    model = TorchClassifier(nn.Linear(6, 2), (6,), training, reinitialize=False)
    module = model.fitted().module
    x, w = SAMPLES.batch(torch.arange(40)), [p.detach().clone().requires_grad_() for p in module.parameters()]
    m, v = [torch.zeros_like(p) for p in w], [torch.zeros_like(p) for p in w]
    for step in range(1, training.epochs + 1):
        logs = (x @ w[0].T + w[1]).log_softmax(dim=1)[torch.arange(40), LABELS]
        share = torch.ones(40) if weights is None else weights[LABELS]
        grads = torch.autograd.grad(-(share * logs).sum() / share.sum(), w)
        for i, g in enumerate(grads):
            g = g + training.weight_decay * w[i].detach()
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
            with torch.no_grad():
                w[i] -= training.learning_rate * m[i] / (1 - 0.9**step) / ((v[i] / (1 - 0.999**step)).sqrt() + 1e-8)
    fitted = model.fit(SAMPLES, JOB).module
    torch.testing.assert_close(next(fitted.parameters()).detach(), w[0].detach(), atol=1e-4, rtol=1e-3)
    return w[0].detach()


def test_weight_decay_and_class_weights_are_those_of_the_formula() -> None:
    naive(WHOLE, None)
    naive(replace(WHOLE, weight_decay=0.1), None)
    naive(replace(WHOLE, class_weights=(1.0, 5.0)), torch.tensor([1.0, 5.0]))
    naive(replace(WHOLE, class_weights="balanced"), torch.tensor([40 / (2 * 36), 40 / (2 * 4)]))


@pytest.mark.parametrize("options", [{"weight_decay": 0.05}, {"class_weights": "balanced"}, {"class_weights": (1, 2)}])
@pytest.mark.parametrize("name", ["mlp"])
def test_many_fits_equal_single_ones(options: dict[str, Any], name: str) -> None:
    training = TrainingConfig(epochs=3, batch_size=16, device="cpu", **options)
    classifier = build_classifier(name, SAMPLES, 2, training)
    plain = build_classifier(name, SAMPLES, 2, replace(training, weight_decay=0.0, class_weights=None))
    jobs = [JOB, FitJob(torch.arange(5, 22), LABELS[5:22], 4)]
    for job, many in zip(jobs, classifier.fit_many(SAMPLES, jobs), strict=True):
        alone, usual = (c.fit(SAMPLES, job).outputs(SAMPLES, torch.arange(40)).logits for c in (classifier, plain))
        torch.testing.assert_close(many.outputs(SAMPLES, torch.arange(40)).logits, alone, atol=1e-5, rtol=1e-4)
        assert not torch.allclose(alone, usual, atol=1e-4)


def test_the_linear_classifier_stands_on_its_standardized_inputs() -> None:
    outputs = build_classifier("linear", SAMPLES, 2).fit_many(SAMPLES, [JOB])[0].outputs(SAMPLES, torch.arange(40))
    assert outputs.embeddings.shape == (40, 6)
    torch.testing.assert_close(outputs.embeddings.mean(0), torch.zeros(6), atol=1e-6, rtol=0)
    with pytest.raises(ModelError, match=r"not \(6,\): use linear or mlp for other inputs"):
        build_classifier("cnn", SAMPLES, 2, WHOLE)


def test_an_optimizer_and_a_loss_of_ones_own() -> None:
    made: list[tuple[int, float, float]] = []

    def optimizer(parameters: Any, /, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        parameters = list(parameters)
        made.append((len(parameters), lr, weight_decay))
        return torch.optim.SGD(parameters, lr=lr, weight_decay=weight_decay)

    def focal(logits: Tensor, labels: Tensor) -> Tensor:
        logs = logits.log_softmax(dim=1)[torch.arange(len(labels)), labels]
        return -((1 - logs.exp()) ** 2 * logs).mean()

    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    training = replace(WHOLE, weight_decay=0.01)
    learner = ActiveLearner(model, SAMPLES, training=training, optimizer=optimizer, loss=focal)
    learner.tell(JOB.indices[:30], LABELS[:30])
    assert len(learner.ask(3)) == 3
    assert made[-1] == (2, 0.05, 0.01)  # only what is not frozen
    ActiveLearner(model, SAMPLES, training=training, optimizer=torch.optim.AdamW).ask(2)


def test_what_cannot_be_used_is_refused_at_once() -> None:
    def go(training: TrainingConfig = WHOLE, **options: Any) -> None:
        TorchClassifier(nn.Linear(6, 2), (6,), training, **options)

    with pytest.raises(ConfigError, match="there are 3 class weights and 2 classes"):
        go(replace(WHOLE, class_weights=(1, 2, 3)))
    with pytest.raises(ConfigError, match="class weights belong to the usual loss"):
        go(replace(WHOLE, class_weights="balanced"), loss=nn.functional.cross_entropy)
    with pytest.raises(ModelError, match="the loss must return one number that depends on the logits"):
        go(loss=nn.CrossEntropyLoss(reduction="none"))
    with pytest.raises(ModelError, match=r"the loss of your own cannot be used .TypeError"):
        go(loss=lambda logits: logits)
    with pytest.raises(ModelError, match="the optimizer of your own cannot be used"):
        go(optimizer=lambda parameters: None)
    with pytest.raises(ModelError, match=r"'SGD' object is not callable.: give a class of torch.optim, or a function"):
        go(optimizer=torch.optim.SGD(nn.Linear(6, 2).parameters(), lr=0.1))
    with pytest.raises(ModelError, match=r"returned CrossEntropyLoss: give a function of logits .* and labels"):
        go(loss=lambda logits, labels: nn.CrossEntropyLoss())
    with pytest.raises(ModelError, match=r"returned NoneType: give a class of torch.optim"):
        go(optimizer=lambda parameters, lr, weight_decay: None)
    with pytest.raises(ConfigError, match="embedding_layer belongs to a module"):
        ActiveLearner(TorchClassifier(nn.Linear(6, 2), (6,), WHOLE), SAMPLES, embedding_layer="0")


@pytest.mark.parametrize("options", [{"weight_decay": -1}, {"class_weights": "fair"}, {"class_weights": (1, 0)}])
def test_values_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="weight"):
        TrainingConfig(**options)


def test_keys_of_runs_know_an_option_only_if_it_is_used() -> None:
    grid = GridConfig(cycle=CycleConfig(labeling_budget=30), training=TrainingConfig(device="cpu"))
    assert not {"weight_decay", "class_weights"} & grid.described("margin", "subset", 0)["training"].keys()
    used = replace(grid, training=replace(grid.training, weight_decay=0.1))
    assert used.described("margin", "subset", 0)["training"]["weight_decay"] == 0.1
