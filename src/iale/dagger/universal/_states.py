"""A task is played: in each state, many batches are compared, and one is labeled.

Legend of dimensions: n samples in the pool, B batches of k, R draws of labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numpy.random import Generator
from torch import Tensor

from iale._storage import JsonObject
from iale.classifiers._linear._strengths import DEFAULT
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.heads import FittedLinearHead
from iale.dagger.universal._files import Played, pack_points, pack_scene
from iale.dagger.universal._heads import Labeled
from iale.dagger.universal._look_ahead import Now, Reference, judge_fits, judge_heads, make_reference
from iale.dagger.universal._plans import planned_batch
from iale.dagger.universal._proposals import BASE, Proposals, experts, needs_of_all, propose
from iale.dagger.universal._sources import Sources, load_source
from iale.dagger.universal._tasks import Task, draw_task
from iale.dagger.universal.config import UniversalConfig
from iale.data.arrays import ArraySamples
from iale.data.pool import Pool
from iale.geometry.points import Points
from iale.learner import Learner, QueryConfig
from iale.policies.universal._batches import batch_features
from iale.policies.universal._network import UniversalNetwork
from iale.policies.universal._scene import Scene, observe
from iale.seeding import Stream
from iale.strategies.base import QueryContext

_GROWTH = 0.35  # of the labels, that are added between two states
_MOST = 0.5  # of the pool, that is labeled
_EPOCHS = 20  # of a CNN, which is fitted for each batch
_FEW = 2  # draws of labels where each of them is expensive


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of active learning on a task."""

    config: UniversalConfig
    task: Task
    network: UniversalNetwork
    learner: Learner
    reference: Reference

    @property
    def rest(self) -> int:
        """How many more samples are labeled."""
        return int(_MOST * self.task.pool) - len(self.learner.pool.labeled)


@dataclass(frozen=True, eq=False)
class _Moment:
    """What is known in one state."""

    context: QueryContext
    scene: Scene
    indices: Tensor  # int64 [n], of the candidates
    proposals: Proposals
    features: Tensor
    values: Tensor
    far: bool


def play_task(
    config: UniversalConfig, network: UniversalNetwork, number: int, sources: Sources = load_source
) -> Played:
    """Plays the task with a number."""
    task = draw_task(config, number, sources)
    stream = Stream(config.seed).child("task", number, "run")
    samples = ArraySamples(task.inputs)
    training = TrainingConfig(epochs=_EPOCHS) if task.classifier == "cnn" else None
    classifier = build_classifier(task.classifier, samples, task.classes, training)
    pool = Pool(torch.arange(task.pool), task.classes)
    if len(task.first):
        pool.acquire(task.first, task.labels[task.first])
    points = Points(task.geometry, torch.arange(len(task.labels)))
    learner = Learner(classifier, samples, pool, QueryConfig(subset_size=task.pool), stream, geometry=points)
    run = _Run(config, task, network, learner, make_reference(task, samples))
    embeddings = run.reference.features[: task.pool] if task.classifier == "linear" else None
    tensors = pack_points(task.geometry[: task.pool], embeddings)
    states: list[JsonObject] = []
    for step in range(config.states_per_task):
        if run.rest < task.size:
            break
        labeled = torch.sort(pool.labeled).values
        moment = _look(run, stream.child("state", step))
        own = None if embeddings is not None else _all_embeddings(run)
        kept = _tensors(moment, labeled, own)
        tensors |= {f"{step}.{name}": value for name, value in kept.items()}
        actor, chosen = _act(run, moment, stream.child("act", step))
        states.append(_entry(moment, len(labeled), actor))
        pool.acquire(chosen, task.labels[chosen])
    log = {"task": task.story, "source": task.source, "size": task.size, "states": states}
    return Played(number, tensors, log)


def _look(run: _Run, stream: Stream) -> _Moment:
    """Fits the classifier, and judges what everybody proposes."""
    learner, k = run.learner, run.task.size
    if len(learner.pool.labeled):
        learner.fit()
    else:
        learner.start_cold()
    candidates = learner.candidates()
    context = learner.context(candidates, needs_of_all())
    scene = observe(context, k, stream.child("scene").numpy())
    proposals = propose(
        context,
        k,
        lambda rng, noise: planned_batch(run.network, scene, k, rng, noise),
        run.config.proposals,
        stream.child("proposals"),
    )
    far = bool(stream.child("far").numpy().random() < run.config.far) and run.task.classifier == "linear"
    values = _values(run, candidates.indices[proposals.batches], stream, far=far)
    features = batch_features(scene, proposals.batches)
    return _Moment(context, scene, candidates.indices, proposals, features, values, far)


def _values(run: _Run, batches: Tensor, stream: Stream, *, far: bool) -> Tensor:
    task, learner, fitted = run.task, run.learner, run.learner.fitted
    order = torch.argsort(learner.pool.labeled)
    labeled = Labeled(learner.pool.labeled[order], learner.pool.labels[order])
    strength = fitted.l2 if isinstance(fitted, FittedLinearHead) else DEFAULT * run.reference.features.shape[1]
    now = Now(labeled, strength, learner.temperature(), stream.child("fit").seed)
    linear = task.classifier == "linear"
    redraws = min(_FEW, run.config.redraws) if far or not linear else run.config.redraws
    drawn = run.reference.draw(task.labels[: task.pool], redraws, stream.child("labels"))
    if linear:
        return judge_heads(task, run.reference, now, batches, drawn, far=far)
    return judge_fits(task, learner.samples, learner.classifier, now, batches, drawn)


def _act(run: _Run, moment: _Moment, stream: Stream) -> tuple[str, Tensor]:
    """Who labels next, and int64 [m], what: a batch, and more once there are many labels."""
    rng = stream.numpy()
    count = min(run.rest, max(run.task.size, int(_GROWTH * len(run.learner.pool.labeled))))
    if rng.random() < run.config.policy_probability:
        if rng.random() < 0.5:
            return "policy", moment.indices[planned_batch(run.network, moment.scene, count, rng)]
        with torch.no_grad():
            best = int(run.network.value(moment.features, moment.scene.context).argmax())
        return "selector", moment.indices[_filled(moment, best, count, rng)]
    if rng.random() < 0.5:
        top = moment.values.mean(dim=1).topk(min(3, len(moment.values))).indices
        return "one of the best", moment.indices[_filled(moment, int(top[rng.integers(len(top))]), count, rng)]
    names = sorted(set(moment.proposals.names) & set(experts()))
    name = names[rng.integers(len(names))]
    return name, moment.indices[experts()[name].query(moment.context, count, rng=rng)]


def _filled(moment: _Moment, number: int, count: int, rng: Generator) -> Tensor:
    """int64 [count]: a proposal, and what Uncertainty Herding adds to it."""
    batch = moment.proposals.batches[number]
    if count <= len(batch):
        return batch[:count]
    more = experts()[BASE].query(moment.context, count, rng=rng)
    return torch.cat([batch, more[~torch.isin(more, batch)]])[:count]


def _all_embeddings(run: _Run) -> Tensor:
    return run.learner.fitted.outputs(run.learner.samples, torch.arange(run.task.pool)).embeddings


def _tensors(moment: _Moment, labeled: Tensor, embeddings: Tensor | None) -> dict[str, Tensor]:
    found = {
        "positions": moment.indices.to(torch.int16),
        "labeled": labeled.to(torch.int16),
        "batches": moment.proposals.batches.to(torch.int16),
        "values": moment.values,
        "features": moment.features,
    }
    return found | pack_scene(moment.scene, embeddings)


def _entry(moment: _Moment, labeled: int, actor: str) -> JsonObject:
    best = int(moment.values.mean(dim=1).argmax())
    return {
        "labeled": labeled,
        "makers": moment.proposals.makers,
        "best": moment.proposals.makers[best],
        "far": moment.far,
        "actor": actor,
    }
