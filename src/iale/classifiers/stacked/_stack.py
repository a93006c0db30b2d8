"""R networks in training: their steps, their optimizer, and how a network that is done leaves.

Dimensions: R networks, S steps, B samples of a batch, C classes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from iale.classifiers._training import check_loss
from iale.classifiers.base import TrainingConfig
from iale.classifiers.networks import Network
from iale.classifiers.stacked._convolutions import Unfolded, Way
from iale.classifiers.stacked._layers import StackedDropout, parts_of, stack_layers
from iale.classifiers.stacked._plan import Plan
from iale.classifiers.stacked._products import Products

_WARM_UP = 2
"""Steps that a GPU takes before one is recorded: first calls allocate memory, which a recording must not do."""

_PATCHES = 1 << 26
"""Values up to which the patches of all inputs are kept in memory: 256 MiB in float32."""


class Stack:
    """Networks of one architecture that take their steps together, at positions 0 … R−1 of every tensor.

    `run` stores the trained weights in ``networks`` and drops networks that leave from ``plan``, whose rows point to
    ``inputs`` [U, …]. See `Products` for ``operands``.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        inputs: Tensor,
        plan: Plan,
        config: TrainingConfig,
        way: Way = "auto",
        operands: torch.dtype | None = None,
    ) -> None:
        assert isinstance(networks[0], Network)
        self.plan, self.config = plan, config
        self._networks = list(networks)
        self._standardize = networks[0].standardize
        self._on_gpu = self._runs_on_gpu(inputs.device)
        self._layers = stack_layers(networks, Products(operands), way)
        # On a GPU, bytes stay bytes until a batch needs them: memory is scarce and conversion is fast. A CPU is faster
        # at reading floats than at converting bytes in every epoch.
        self._inputs = inputs if self._on_gpu else self._unfolded(self._prepare(inputs))
        self._dropouts = [layer for _, layer in self._layers if isinstance(layer, StackedDropout)]
        # No layer before the first one with weights needs a gradient, and neither does that layer's input.
        self._first = next(i for i, (_, layer) in enumerate(self._layers) if layer.weights)
        weights = self._weights()
        plan.shares = plan.shares.to(weights[0].dtype)
        self._moments = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
        # All that changes from step to step lives in tensors on the device: a recorded step can only read addresses.
        device = inputs.device
        self._minus_one = -torch.ones((), dtype=weights[0].dtype, device=device)
        self._steps_taken = torch.zeros((), device=device)
        self._step_number = torch.zeros(1, dtype=torch.int64, device=device)
        self._correct = torch.zeros(len(networks), dtype=torch.int64, device=device)
        self._logits = torch.empty(0)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._members = list(range(len(networks)))  # the network at each position, until networks leave
        self._trained: dict[int, list[list[Tensor]]] = {}

    def run(self) -> None:
        """Takes all steps; raises ModelError if a loss is not finite."""
        stop, plan, taken = self.config.stop_accuracy, self.plan, 0
        while len(self._trained) < len(self._networks):
            # Run to the next step after which a network may leave: the end of its fit or, with early stopping, of an
            # epoch. Epochs differ in length, so each network has its own ends, all of them later than now: each turn
            # ends an epoch of some network.
            alive = [r for r, member in enumerate(self._members) if member not in self._trained]
            last = {r: plan.epochs[r] * self.config.epochs for r in alive}
            ends = last if stop is None else {r: (taken // plan.epochs[r] + 1) * plan.epochs[r] for r in alive}
            until = min(ends.values())
            self._take(taken, until)
            taken = until
            ended = [r for r in alive if ends[r] == taken]
            done = {r for r in ended if last[r] == taken}
            if stop is not None:
                correct = self._correct.tolist()
                done |= {r for r in ended if correct[r] / plan.counts[r] >= stop}
                self._correct[ended] = 0
            for r in sorted(done):
                self._leave(r, taken - 1)
            if done:
                self._close_ranks()
        for member, weights in self._trained.items():
            parts = parts_of(self._networks[member]) or []
            for (place, layer), own in zip(self._layers, weights, strict=True):
                layer.store(parts[place], own)

    def _take(self, start: int, stop: int) -> None:
        if not self._on_gpu:  # batches without their padding; a recorded step needs one shape for all
            parts = (part[start:stop].unbind() for part in self._steps())
            for size, rows, labels, shares, keys in zip(self.plan.sizes[start:stop], *parts, strict=True):
                self._step(rows[:, :size], labels[:, :size], shares[:, :size], keys)
            return
        if self._graph is None:
            # PyTorch requires the warm-up before a recording to be on a side stream.
            side = torch.cuda.Stream(self._inputs.device)  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream(self._inputs.device))
            with torch.cuda.stream(side):
                for _ in range(min(_WARM_UP, stop - start)):
                    self._next_step()
            torch.cuda.current_stream(self._inputs.device).wait_stream(side)
            start = min(start + _WARM_UP, stop)
            if start == stop:
                return
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the step and does not run it
                self._next_step()
        for _ in range(start, stop):
            self._graph.replay()

    def _steps(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.plan.rows, self.plan.labels, self.plan.shares, self.plan.keys

    def _next_step(self) -> None:
        """The step whose number is in the counter on the device, so that one recording serves all steps."""
        self._step(*(part.index_select(0, self._step_number)[0] for part in self._steps()))
        self._step_number += 1

    def _step(self, rows: Tensor, labels: Tensor, shares: Tensor, keys: Tensor) -> None:
        """One step of every network: rows [R, B], labels and shares [R, B, 1], keys [R, L, 2]."""
        x = self._inputs.index_select(0, rows.reshape(-1))
        x = self._prepare(x) if self._on_gpu else x
        x = x.view(*rows.shape, *x.shape[1:])
        for number, dropout in enumerate(self._dropouts):
            dropout.key = keys[:, number]
        for _, layer in self._layers:
            x = layer.forward(x)
        self._logits = x  # [R, B, C]
        # The gradient of the mean cross entropy, ∂/∂z_c = s (p_c − [c = label]): a sample's share s is 1 / (size of its
        # batch), and 0 for padding, which therefore changes no weight.
        grad = torch.softmax(x, dim=-1)
        grad.scatter_add_(2, labels, self._minus_one.expand(labels.shape))
        grad.mul_(shares)
        for i in range(len(self._layers) - 1, self._first - 1, -1):
            grad = self._layers[i][1].backward(grad, i > self._first)
        # The kernel of `torch.optim.Adam(fused=True)`, as in the plain loop (Kingma & Ba 2015, Algorithm 1). It updates
        # each weight by itself, so stacking changes nothing; all networks are at the same step.
        weights, grads = self._weights(), [g for _, layer in self._layers for g in layer.grads]
        self._steps_taken += 1
        steps = [self._steps_taken] * len(weights)
        decay = self.config.weight_decay
        adam = functools.partial(torch._fused_adam_, weight_decay=decay, eps=1e-8, amsgrad=False, maximize=False)
        adam(weights, grads, *self._moments, [], steps, lr=self.config.learning_rate, beta1=0.9, beta2=0.999)
        if self.config.stop_accuracy is not None:
            self._correct += ((x.argmax(dim=2, keepdim=True) == labels) & (shares > 0)).sum(dim=(1, 2))

    def _runs_on_gpu(self, device: torch.device) -> bool:
        return device.type == "cuda"

    def _weights(self) -> list[Tensor]:
        return [w for _, layer in self._layers for w in layer.weights]

    def _prepare(self, inputs: Tensor) -> Tensor:
        """[n, …] standardized; images get their channels last."""
        x: Tensor = self._standardize(inputs)
        return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x

    def _unfolded(self, x: Tensor) -> Tensor:
        """Replaces images by patches if the first layer reads patches and they take little memory.

        The first layer would otherwise unfold the same images in every epoch.
        """
        layer = self._layers[0][1]
        if isinstance(layer, Unfolded) and x[..., :1].numel() * layer.weights[0][0, 0].numel() <= _PATCHES:
            x, layer.reads_patches = layer.unfold(x), True
        return x

    def _leave(self, r: int, s: int) -> None:
        """Keeps the weights of the network at position r after its last step s; the others go on."""
        # Its positions stay in the stack for a while, so a copy is kept: further steps would change the weights.
        shares = self.plan.shares[s, r, :, 0]
        real = shares > 0
        logits = self._logits[r][real[: self._logits.shape[1]]]
        loss = nn.functional.cross_entropy(logits, self.plan.labels[s, r, real, 0])
        check_loss(loss)
        self._trained[self._members[r]] = [[w[r].clone() for w in layer.weights] for _, layer in self._layers]

    def _close_ranks(self) -> None:
        """Frees the positions of networks that left: at once on a CPU; on a GPU once half of them have.

        On a GPU, tensors at new addresses need a new recording, which costs more than a few idle positions.
        """
        kept = [r for r, member in enumerate(self._members) if member not in self._trained]
        if not kept or len(kept) == len(self._members) or (self._on_gpu and 2 * len(kept) > len(self._members)):
            return
        self._graph = None
        index = torch.tensor(kept, device=self._inputs.device)
        self._members = [self._members[r] for r in kept]
        self.plan.keep(index)
        self._correct = self._correct[index]
        self._moments = [m[index] for m in self._moments[0]], [m[index] for m in self._moments[1]]
        for _, layer in self._layers:
            layer.weights = [w[index] for w in layer.weights]
