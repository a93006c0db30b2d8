"""What every query strategy must do, as a check that explains a failure in one sentence."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import fields, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from iale.classifiers.base import Outputs
from iale.errors import QueryError
from iale.geometry.points import Points
from iale.seeding import Stream
from iale.strategies._answers import as_scores
from iale.strategies.base import QueryContext, QueryStrategy, ScoringStrategy
from iale.testing.contexts import make_context, reorder, tied_contexts, unlabeled_context

_SEEDS = 5  # random contexts of each check
_DRAWS = 300  # repeated queries of a strategy that draws


def check_strategy(
    strategy: QueryStrategy,
    *,
    num_classes: int = 4,
    dim: int = 6,
    tolerance: float = 1e-5,
    seed: int = 0,
    seconds: float = 60.0,
) -> None:
    """Raises AssertionError if a strategy breaks the contract of `QueryStrategy`.

    It checks on random contexts: query returns k unique int64 positions in 0 … n−1. k = n returns all of them. k < 1,
    k > n and an unmet need raise QueryError. The same rng gives the same answer. Inputs and the global random state of
    Python, NumPy and PyTorch do not change. The memory layout does not matter. A strategy that says that it reads no
    outputs chooses the same whatever they are.

    The order of the candidates must not matter either. What this means depends on the strategy:

    - `ScoringStrategy`: a candidate's score is the same among other candidates and in another order, and the k highest
      scores are chosen.
    - A strategy that gives the same answer for every rng: permuting the candidates permutes the answer.
    - Any other strategy: permuting the candidates does not change their chances. Their counts in 300 queries each way
      may differ by 6 standard deviations, which a correct strategy exceeds with a probability below 1e-7. ``seed``
      determines the draws, so a strategy that passes once always passes.

    On tied data (`tied_contexts`), a strategy must answer in time, with unique positions, and alike for the same rng.
    One that `starts_cold` must do so before the first label, too.

    Args:
        num_classes: C of the contexts, for a policy that was trained for a certain number of classes.
        dim: D of the contexts, for a policy that was trained for a certain width.
        tolerance: relative error of scores that are computed together with other candidates.
        seed: of the contexts and the draws.
        seconds: time limit of one query on 1,000 tied candidates.
    """
    for number in range(_SEEDS):
        context = make_context(num_classes=num_classes, dim=dim, seed=seed + number)
        stream = Stream(seed + number, ("testing", "contract"))
        _check_side_effects(strategy, context, stream)
        _check_answers(strategy, context, stream)
        _check_layout(strategy, context, stream)
        _check_order(strategy, context, stream, tolerance)
        _check_unread(strategy, context, stream)
    stream = Stream(seed, ("testing", "draws"))
    _check_chances(strategy, make_context(7, num_classes, dim, seed=seed), stream)
    _check_refusals(strategy, make_context(num_classes=num_classes, dim=dim, seed=seed), stream)
    if strategy.starts_cold:
        _check_answers(strategy, unlabeled_context(num_classes=num_classes, dim=dim, seed=seed), stream)
    for kind, context in tied_contexts(num_classes=num_classes, dim=dim, seed=seed):
        _check_ties(strategy, context, kind, seconds)


def _ask(strategy: QueryStrategy, context: QueryContext, k: int, stream: Stream) -> Tensor:
    try:
        return strategy.query(context, k, rng=stream.numpy())
    except QueryError as error:
        raise AssertionError(str(error)) from error


def _check_ties(strategy: QueryStrategy, context: QueryContext, kind: str, seconds: float) -> None:
    stream = Stream(0, ("testing", "ties", kind))
    for k in (10, len(context) // 3):
        answer = _in_time(partial(_ask, strategy, context, k, stream), seconds, f"{k} of {len(context)} ({kind})")
        found = len(torch.unique(answer))
        _require(found == k, f"positions must be unique, but of {k} on tied data ({kind}) query returned {found}.")
        again = _ask(strategy, context, k, stream)
        _require(torch.equal(again, answer), f"the same rng must give the same answer, on tied data ({kind}) too.")


def _in_time(ask: Callable[[], Tensor], seconds: float, what: str) -> Tensor:
    """What ``ask`` returns. The thread of a query that never ends is left behind: nothing can stop it."""
    answer: Future[Tensor] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # raised again below, in the thread that asked
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    wait([answer], seconds)
    _require(answer.done(), f"query gave no answer within {seconds:g} s when asked for {what} candidates.")
    return answer.result()


def _check_answers(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    n = len(context)
    for k in (1, 5, n):
        answer = _ask(strategy, context, k, stream)
        _require(
            isinstance(answer, Tensor) and answer.dtype == torch.int64 and answer.shape == (k,),
            f"query must return an int64 tensor of {k} positions, not {answer!r}.",
        )
        values = answer.tolist()
        _require(all(0 <= p < n for p in values), f"positions must be in 0 … {n - 1}, but query returned {values}.")
        _require(len(set(values)) == k, f"positions must be unique, but query returned {values}.")
        again = _ask(strategy, context, k, stream).tolist()
        _require(again == values, f"the same rng must give the same answer, but {values} became {again}.")


def _check_side_effects(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    before = {name: tensor.clone() for name, tensor in _tensors(context)}
    # A first query may import a package, and some packages draw from Python's generator while they are imported.
    _ask(strategy, context, 5, stream)
    state = _global_state()
    _ask(strategy, context, 5, stream)
    _require(_global_state() == state, "query must draw from its rng alone, but changed global random state.")
    for name, tensor in _tensors(context):
        _require(torch.equal(tensor, before[name]), f"query must leave its inputs alone, but changed {name}.")


def _check_layout(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    answer = _ask(strategy, context, 5, stream)
    strided = _ask(strategy, _map(context, _strided), 5, stream)
    _require(
        torch.equal(strided, answer),
        f"the memory layout must not matter, but non-contiguous inputs gave {strided.tolist()}, not {answer.tolist()}.",
    )


def _check_unread(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    if strategy.reads_outputs:
        return
    answer = _ask(strategy, context, 5, stream)
    n = len(context)
    nothing = Outputs(torch.zeros(n, context.num_classes), torch.zeros(n, 0))
    other = _ask(strategy, replace(context, candidates=nothing), 5, stream)
    _require(
        torch.equal(other, answer),
        f"reads_outputs is False, but other outputs of the candidates gave {other.tolist()}, not {answer.tolist()}.",
    )


def _check_order(strategy: QueryStrategy, context: QueryContext, stream: Stream, tolerance: float) -> None:
    if isinstance(strategy, ScoringStrategy):
        _check_scores(strategy, context, stream, tolerance)
    elif _is_deterministic(strategy, context, stream):
        _check_equivariant(strategy, context, stream)


def _check_scores(strategy: ScoringStrategy, context: QueryContext, stream: Stream, tolerance: float) -> None:
    n = len(context)
    scores = _scores(strategy, context)
    close = tolerance * (1 + float(scores.abs().max()))
    order = torch.from_numpy(stream.child("order").numpy().permutation(n))
    for rows, what in ((order, "in another order"), (order[: n // 2], "among fewer rows"), (order[:1], "alone")):
        other = _scores(strategy, reorder(context, rows))
        _require(
            torch.allclose(other, scores[rows], rtol=0, atol=close),
            f"a candidate's score must ignore the other candidates, but {what} scores changed by up to "
            f"{float((other - scores[rows]).abs().max()):.3g}.",
        )
    for k in (1, 5, n):
        chosen = scores[_ask(strategy, context, k, stream)]
        _require(
            torch.allclose(chosen, scores.sort(descending=True).values[:k], rtol=0, atol=close),
            f"the {k} highest scores must be chosen, best first, but the scores {chosen.tolist()} were.",
        )


def _scores(strategy: ScoringStrategy, context: QueryContext) -> Tensor:
    return as_scores(strategy.score(context), len(context), strategy.name).double()


def _is_deterministic(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> bool:
    answers = [_ask(strategy, context, 5, stream.child("draw", number)).tolist() for number in range(6)]
    return all(answer == answers[0] for answer in answers)


def _check_equivariant(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    order = torch.from_numpy(stream.child("order").numpy().permutation(len(context)))
    for k in (1, 5, len(context)):
        answer = _ask(strategy, context, k, stream)
        permuted = order[_ask(strategy, reorder(context, order), k, stream)]
        _require(
            torch.equal(permuted, answer),
            f"permuting the candidates must permute the answer, but candidates {answer.tolist()} "
            f"became {permuted.tolist()}.",
        )


def _check_chances(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    if isinstance(strategy, ScoringStrategy) or _is_deterministic(strategy, context, stream):
        return
    n = len(context)
    # One fixed permutation that moves every candidate: strategies that favor the first or the last ones stand out.
    order = torch.from_numpy(np.roll(np.arange(n)[::-1], 2).copy())
    permuted = reorder(context, order)
    counts = torch.zeros(2, n)
    for number in range(_DRAWS):
        counts[0, _ask(strategy, context, 2, stream.child("plain", number))] += 1
        counts[1, order[_ask(strategy, permuted, 2, stream.child("permuted", number))]] += 1
    # For two binomial counts with the same chance p, the difference has variance 2 · draws · p (1 − p).
    share = counts.sum(dim=0) / (2 * _DRAWS)
    deviation = (counts[0] - counts[1]).abs() / (2 * _DRAWS * share * (1 - share)).clamp(min=1.0).sqrt()
    _require(
        float(deviation.max()) < 6,
        f"the order of the candidates must not change their chances, but in {_DRAWS} queries each way candidates were "
        f"chosen {counts[0].int().tolist()} and {counts[1].int().tolist()} times.",
    )


def _check_refusals(strategy: QueryStrategy, context: QueryContext, stream: Stream) -> None:
    wrong = [(context, k, f"k = {k} of {len(context)} candidates") for k in (-1, 0, len(context) + 1)]
    for need in strategy.needs:
        poor = replace(context, **{need.value: None})  # type: ignore[arg-type]
        wrong.append((poor, 5, f"a context without {need.value} outputs"))
    for asked, k, what in wrong:
        try:
            answer = strategy.query(asked, k, rng=stream.numpy())
        except QueryError:
            continue
        raise AssertionError(f"{what} must raise QueryError, but query returned {answer}.")


def _require(holds: bool, sentence: str) -> None:
    """An assertion that ``python -O`` does not remove."""
    if not holds:
        raise AssertionError(sentence)


def _tensors(context: QueryContext) -> Iterator[tuple[str, Tensor]]:
    for field in fields(context):
        value = getattr(context, field.name)
        if isinstance(value, Tensor):
            yield field.name, value
        elif isinstance(value, Outputs):
            yield f"{field.name}.logits", value.logits
            yield f"{field.name}.embeddings", value.embeddings
        elif isinstance(value, Points):
            yield f"{field.name}.values", value.values


def _map(context: QueryContext, change: Callable[[Tensor], Tensor]) -> QueryContext:
    values: dict[str, object] = {}
    for field in fields(context):
        value = getattr(context, field.name)
        if isinstance(value, Outputs):
            values[field.name] = Outputs(change(value.logits), change(value.embeddings))
        elif isinstance(value, Points):
            values[field.name] = Points(change(value.values), change(value.indices))
        else:
            values[field.name] = change(value) if isinstance(value, Tensor) else value
    return QueryContext(**values)  # type: ignore[arg-type]


def _strided(tensor: Tensor) -> Tensor:
    """The same numbers as every second one of a larger tensor along each axis."""
    large = tensor.new_zeros([2 * size for size in tensor.shape])
    view = large[tuple(slice(None, None, 2) for _ in tensor.shape)]
    return view.copy_(tensor)


def _global_state() -> tuple[object, ...]:
    numpy_state = repr(np.random.get_state(legacy=False))  # noqa: NPY002  (read, never drawn from)
    words = np.random.get_state(legacy=False)["state"]["key"].tobytes()  # noqa: NPY002
    return random.getstate(), numpy_state, words, torch.get_rng_state().numpy().tobytes()
