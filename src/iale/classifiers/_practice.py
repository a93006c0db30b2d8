"""How a user's model is trained, if not as usual: an optimizer and a loss of the user's own, and weights of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from iale._many import reason_of
from iale.classifiers._calls import Call
from iale.classifiers.base import TrainingConfig
from iale.errors import ConfigError, ModelError

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps logits [B, C] and labels (int64 [B]) to the loss, a scalar."""


class MakeOptimizer(Protocol):
    """Makes an optimizer, as the classes of `torch.optim` do."""

    def __call__(self, parameters: Iterable[nn.Parameter], /, *, lr: float, weight_decay: float) -> Optimizer:
        """An optimizer of ``parameters``."""


@dataclass(frozen=True)
class Practice:
    """How the model is called, and what replaces Adam and the cross entropy."""

    call: Call = field(default_factory=Call)
    make_optimizer: MakeOptimizer | None = None
    loss: Loss | None = None
    classes: int = 0

    def optimizer(self, module: nn.Module, config: TrainingConfig) -> Optimizer:
        """An optimizer of all parameters that are not frozen; raises ModelError if there are none."""
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not parameters:
            raise ModelError(
                "the model has no parameter that requires a gradient, so there is nothing to fit: unfreeze its head, "
                "or ask with ActiveLearner.from_fitted."
            )
        if self.make_optimizer is not None:
            return self.make_optimizer(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        fused = parameters[0].device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused)

    def loss_for(self, labels: Tensor, config: TrainingConfig) -> Loss:
        """The loss of a fit on ``labels`` (int64 [L])."""
        if self.loss is not None:
            return self.loss
        weight = class_weights(labels, self.classes, config)
        if weight is None:
            return nn.functional.cross_entropy
        return lambda logits, own: nn.functional.cross_entropy(logits, own, weight=weight)


def class_weights(labels: Tensor, classes: int, config: TrainingConfig) -> Tensor | None:
    """float32 [C] on the device of ``labels``, or None if all samples count the same."""
    if config.class_weights is None:
        return None
    if config.class_weights == "balanced":
        counts = torch.bincount(labels, minlength=classes).clamp(min=1)  # a class without labels is in no batch
        return len(labels) / (classes * counts.to(torch.float32))
    return torch.tensor(config.class_weights, device=labels.device)


def check_practice(practice: Practice, config: TrainingConfig, logits: Tensor) -> None:
    """Raises ConfigError or ModelError now for what would fail in a fit; ``logits`` [1, C] are an example."""
    weights, classes = config.class_weights, logits.shape[1]
    if weights is not None and practice.loss is not None:
        raise ConfigError("class weights belong to the usual loss: weight the classes in your own loss, or leave it.")
    if isinstance(weights, tuple) and len(weights) != classes:
        raise ConfigError(f"there are {len(weights)} class weights and {classes} classes: give one weight a class.")
    if practice.make_optimizer is not None:
        _check("optimizer", lambda: practice.optimizer(nn.Linear(1, 1), config), Optimizer)
    if practice.loss is not None:
        loss, example = practice.loss, logits.detach().clone().requires_grad_()
        value = _check("loss", lambda: loss(example, torch.zeros(1, dtype=torch.int64)), Tensor)
        if not isinstance(value, Tensor) or value.dim() or not value.requires_grad:
            raise ModelError("the loss must return one number that depends on the logits: average it over the batch.")


_WANTED = {
    "optimizer": "a class of torch.optim, or a function of parameters, lr and weight_decay that makes an optimizer",
    "loss": "a function of logits [B, C] and labels [B] that returns one number",
}


def _check(what: str, run: Callable[[], object], wanted: type) -> object:
    try:
        found = run()
    except Exception as error:  # the user's own code may fail in any way
        reason = reason_of(error)
        raise ModelError(f"the {what} of your own cannot be used ({reason}): give {_WANTED[what]}.") from error
    if not isinstance(found, wanted):
        raise ModelError(f"the {what} of your own returned {type(found).__name__}: give {_WANTED[what]}.")
    return found
