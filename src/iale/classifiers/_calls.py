"""How a model is called on raw inputs, and where in its answer the logits are.

A model may read floats (images, features), integer token ids, or several named tensors (`DictSamples`). It may answer
with logits, with an object or dictionary that has ``logits`` (as Hugging Face's models do), or with a tuple whose first
element they are.

Dimensions: B samples of a batch, C classes.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from iale.classifiers._modules import as_float
from iale.data._fields import Field, unpack
from iale.errors import DataError, ModelError


@dataclass(frozen=True)
class Call:
    """What happens to raw inputs [B, …] before the model sees them.

    Attributes:
        fields: the named tensors in a row of `DictSamples`; empty for all other samples.
        by_keyword: whether the fields are keyword arguments, and not one dictionary.
        ids: whether the model reads integers, as int64.
        unscaled: whether bytes keep their values, because the model looks some of them up in an embedding.
    """

    fields: tuple[Field, ...] = ()
    by_keyword: bool = False
    ids: bool = False
    unscaled: bool = False

    def prepare(self, inputs: Tensor) -> Tensor:
        """Raw inputs, checked once; ids become int64. Raises DataError if an id is no whole number."""
        if not self.ids:
            return inputs
        if inputs.is_floating_point() and not bool((inputs == inputs.round()).all()):
            raise DataError("the model reads token ids, and an input is no whole number: give integers.")
        return inputs.long()

    def __call__(self, module: nn.Module, inputs: Tensor) -> Tensor:
        """The logits [B, C] for prepared inputs; raises ModelError if the answer has none, or not one row a sample."""
        logits = logits_in(self._answer(module, inputs))
        if len(logits) != len(inputs):
            raise ModelError(
                f"the model's forward gives {len(logits)} rows of logits for a batch of {len(inputs)}: it must give "
                f"one for each sample, so the batch comes first, as recurrent layers take it with batch_first=True."
            )
        return logits

    def _answer(self, module: nn.Module, inputs: Tensor) -> object:
        if self.fields:
            named = unpack(inputs, self.fields)
            return module(**named) if self.by_keyword else module(named)
        if self.ids:
            return module(inputs)
        if self.unscaled and not inputs.is_floating_point():
            return module(inputs.float())
        return module(as_float(inputs, module))


def logits_in(answer: object) -> Tensor:
    """The logits [B, C] in what a model returned."""
    given = f"a dictionary of {', '.join(map(str, answer))}" if isinstance(answer, Mapping) else type(answer).__name__
    if isinstance(answer, Mapping):
        answer = answer.get("logits")
    elif not isinstance(answer, Tensor) and hasattr(answer, "logits"):
        answer = answer.logits
    elif isinstance(answer, tuple | list) and answer:
        answer = answer[0]
    if not isinstance(answer, Tensor) or answer.dim() != 2:
        given = f"a tensor of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else given
        raise ModelError(
            f"the model's forward must return logits of shape [batch, classes], also for a batch of one, not {given}."
        )
    return answer


def find_call(module: nn.Module, inputs: Tensor, fields: Sequence[Field]) -> Call:
    """How ``module`` reads inputs like these, an example [1, …] of zeros; in evaluation mode, without gradients.

    A model that fails on floats and reads integers reads ids. Raises whatever the model raises on both.
    """
    if fields:
        return Call(tuple(fields), _takes_keywords(module, fields))
    call = Call()
    try:
        call(module, inputs)
    except ModelError:
        raise
    except Exception:  # the user's own code may fail in any way
        try:
            ids = Call(ids=True)
            ids(module, ids.prepare(inputs))
        except ModelError:
            raise
        except Exception:  # the first error says more
            ids = call
        if ids is call:
            raise
        return ids
    return replace(call, unscaled=_looks_up(module, inputs))


def _takes_keywords(module: nn.Module, fields: Sequence[Field]) -> bool:
    """Whether ``forward`` takes the fields by name; raises ModelError if it does not take one dictionary either."""
    signature, names = inspect.signature(module.forward), [field.name for field in fields]
    try:
        signature.bind(**dict.fromkeys(names))
        return True
    except TypeError as error:
        if not signature.parameters.keys() & set(names) and _takes_one(signature):
            return False
        raise ModelError(
            f"the model's forward{signature} does not take the fields {', '.join(names)} ({error}): name the fields "
            f"that it reads, DictSamples(…, fields=[…])."
        ) from error


def _takes_one(signature: inspect.Signature) -> bool:
    try:
        signature.bind({})
    except TypeError:
        return False
    return True


def _looks_up(module: nn.Module, zeros: Tensor) -> bool:
    """Whether an `nn.Embedding` is asked for something else if the inputs are ones: then inputs are ids."""
    asked: list[list[Tensor]] = []
    layers = [part for part in module.modules() if isinstance(part, nn.Embedding)]
    if not layers:
        return False
    for inputs in (zeros, torch.ones_like(zeros)):
        caught: list[Tensor] = []
        hooks = [
            part.register_forward_pre_hook(
                lambda _, args, named, to=caught: to.append(next(iter((*args, *named.values())))), with_kwargs=True
            )
            for part in layers
        ]
        try:
            module(inputs)
        except Exception:  # an embedding of one row has no second one
            return False
        finally:
            for hook in hooks:
                hook.remove()
        asked.append(caught)
    return not all(map(torch.equal, *asked))


def mixes_samples(module: nn.Module, call: Call, zeros: Tensor) -> bool:
    """Whether the logits of a sample change with what else is in its batch, as if the batch were a sequence.

    Nothing is known of a model that cannot read ones or that draws random numbers.
    """
    pair = torch.cat([torch.ones_like(zeros), zeros])
    try:
        alone, beside, again = call(module, zeros), call(module, pair)[1:], call(module, pair)[1:]
    except ModelError:
        raise
    except Exception:  # an embedding of one row has no second one
        return False
    slack = 0.01 * float(alone.abs().max())  # rounding depends on the size of a batch, above all in half precision
    return torch.equal(beside, again) and not torch.allclose(beside, alone, rtol=0, atol=slack)


def last_linear(module: nn.Module, call: Call, inputs: Tensor) -> str | None:
    """The name of the linear layer that runs last, which need not be the one that was defined last.

    A convolution that gives one value for each class is linear in its whole input, too. None if there is no such layer.
    """
    ran: list[tuple[str, nn.Module, object]] = []
    hooks = [
        part.register_forward_hook(lambda layer, _, out, name=name: ran.append((name, layer, out)))
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | nn.Conv2d)
    ]
    try:
        logits = call(module, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for name, layer, out in reversed(ran):
        flat = isinstance(out, Tensor) and out.shape[2:] == (1, 1) and out.shape[:2] == logits.shape
        if isinstance(layer, nn.Linear) or flat:
            return name
    return None


def check_logits(module: nn.Module, call: Call, inputs: Tensor) -> None:
    """Raises ModelError if the model returns probabilities, or a single logit.

    The logarithm of probabilities does no harm: its softmax gives the probabilities.
    """
    ran: list[tuple[nn.Module, object]] = []
    hooks = [
        part.register_forward_hook(lambda layer, _, out: ran.append((layer, out)))
        for part in module.modules()
        if not list(part.children())
    ]
    try:
        logits = call(module, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    last, out = ran[-1] if ran else (None, None)
    squashed = isinstance(last, nn.Softmax | nn.Sigmoid) and isinstance(out, Tensor) and out.numel() == logits.numel()
    if logits.shape[1] == 1:
        raise ModelError("the model returns one logit, but a classifier needs one for each class: return at least 2.")
    if squashed or (bool((logits >= 0).all()) and abs(float(logits.double().sum()) - len(logits)) < 1e-5):
        by = f" (its last layer is {type(last).__name__})" if squashed else ""
        raise ModelError(f"the model returns probabilities{by}: return logits, as iale applies the softmax itself.")
