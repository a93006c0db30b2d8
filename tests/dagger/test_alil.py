"""ALIL's episodes against a naive re-telling, its update against a plain loop, and runs that are cut short."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.classifiers import _draws as draws
from iale.classifiers.base import FitJob, TrainingConfig
from iale.classifiers.build import build_classifier
from iale.classifiers.torch_classifier import TorchClassifier
from iale.dagger._alil_episode import AlilEpisode, run_alil_episode
from iale.dagger._demonstrations import load_log, load_tensors
from iale.dagger._episode import open_episode, split_source
from iale.dagger._rounds import claim
from iale.dagger._update import update_alil
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig, DaggerConfig
from iale.data._made_from import DataFingerprint
from iale.data.catalog import load_dataset
from iale.data.samples import DataSet
from iale.errors import ConfigError, IaleError
from iale.learner import accuracy
from iale.policies.alil import AlilPolicy, Pooling, random_alil_policy
from iale.policies.catalog import find_strategy
from iale.policies.saved import load_policy
from iale.seeding import Stream
from iale.testing import make_context

CPU = torch.device("cpu")
CONFIG = AlilConfig(
    dataset="digits",
    classifier="mlp",
    episodes=3,
    labeling_budget=26,
    choices=4,
    scoring_size=50,
    pool_size=200,
    training=TrainingConfig(epochs=2, device="cpu"),
)
CORRECTED = replace(CONFIG, variant="corrected")


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load_dataset("digits")


def recipe(data: DataSet) -> TorchClassifier:
    return build_classifier("mlp", data.train, data.num_classes, CONFIG.training)


def policy(config: AlilConfig) -> AlilPolicy:
    return random_alil_policy(config.pooling, config.choices, 10, 256, Stream(0))


def play(config: AlilConfig, data: DataSet, number: int = 1) -> AlilEpisode:
    return run_alil_episode(config, data, recipe(data), policy(config), number)


def retell(config: AlilConfig, data: DataSet, episode: AlilEpisode) -> tuple[list[Tensor], list[int]]:
    """The episode again, following its log: per step the k candidates' indices, and the policy's own choice."""
    learner, _ = open_episode(config, data, recipe(data), 1)
    drawn, own = [], []
    for step, rows in zip(episode.log, episode.rows, strict=True):
        learner.fit()
        candidates = learner.candidates()
        context = learner.context(candidates, policy(config).needs)
        torch.testing.assert_close(rows, policy(config).rows(context))
        with torch.no_grad():
            own.append(int(policy(config).network(rows).squeeze(-1).argmax()))
        drawn.append(candidates.indices)
        for position, score in step.scores.items():
            assert score == look_ahead(config, data, learner.job("look-ahead"), candidates.indices[int(position)])
        chosen = torch.tensor(step.selected)
        learner.pool.acquire(chosen, data.train_labels[chosen])
    return drawn, own


def look_ahead(config: AlilConfig, data: DataSet, job: FitJob, candidate: Tensor) -> float:
    """One fit with one candidate more, on its own."""
    indices = torch.cat([job.indices, candidate[None]]).sort().values
    scoring, _ = split_source(config, data)
    fitted = recipe(data).fit(data.train, FitJob(indices, data.train_labels[indices], job.seed))
    return accuracy(fitted, data.train, scoring, data.train_labels[scoring])


@pytest.mark.parametrize("config", [CONFIG, CORRECTED])
def test_an_expert_labels_the_candidate_that_helps_most(config: AlilConfig, data: DataSet) -> None:
    config = replace(config, expert_probability=1.0)
    episode = play(config, data)
    drawn, _ = retell(config, data, episode)
    assert [step.labeled for step in episode.log] == [20, 21, 22, 23, 24, 25]
    for step, target, indices in zip(episode.log, episode.targets.tolist(), drawn, strict=True):
        assert len(indices) == len(step.scores) == 4
        assert step.scores[str(target)] == max(step.scores.values())
        assert (step.actor, step.best, step.selected) == ("expert", str(target), (int(indices[target]),))


def test_a_faithful_policy_imitates_itself(data: DataSet) -> None:
    config = replace(CONFIG, expert_probability=0.0)
    episode = play(config, data)
    drawn, own = retell(config, data, episode)
    assert episode.targets.tolist() == own
    for step, target, indices in zip(episode.log, own, drawn, strict=True):
        assert (step.actor, step.scores, step.selected) == ("policy", {}, (int(indices[target]),))


def test_a_corrected_policy_acts_and_imitates_the_expert(data: DataSet) -> None:
    config = replace(CORRECTED, expert_probability=0.0, labeling_budget=32)
    episode = play(config, data)
    drawn, own = retell(config, data, episode)
    for step, target, mine, indices in zip(episode.log, episode.targets.tolist(), own, drawn, strict=True):
        assert step.scores[str(target)] == max(step.scores.values())
        assert (step.actor, step.selected) == ("policy", (int(indices[mine]),))
    assert episode.targets.tolist() != own


def test_the_coin_falls_per_episode_or_per_step(data: DataSet) -> None:
    """The chance that 20 fair coins all agree is 2^-19, twice."""
    faithful = replace(CONFIG, labeling_budget=22, choices=2)
    actors = [tuple(step.actor for step in play(faithful, data, number).log) for number in range(1, 21)]
    assert set(actors) == {("expert", "expert"), ("policy", "policy")}
    corrected = replace(CORRECTED, labeling_budget=40, choices=2)
    assert {step.actor for step in play(corrected, data).log} == {"expert", "policy"}


@pytest.mark.parametrize(("every", "fits"), [(1, 6), (3, 2), (4, 2), (100, 1)])
def test_m_is_fitted_again_after_so_many_labels(every: int, fits: int, data: DataSet) -> None:
    class Counting(TorchClassifier):
        jobs: list[int] = []  # noqa: RUF012

        def fit_many(self, samples, jobs):  # type: ignore[no-untyped-def]
            Counting.jobs.append(len(jobs))
            return super().fit_many(samples, jobs)

    for probability, look_aheads in ((1.0, 6), (0.0, 0)):
        Counting.jobs = []
        classifier = recipe(data)
        classifier.__class__ = Counting
        config = replace(CONFIG, retrain_every=every, expert_probability=probability)
        run_alil_episode(config, data, classifier, policy(config), 1)
        assert sorted(Counting.jobs) == [1] * fits + [4] * look_aheads


@pytest.mark.parametrize("pooling", ["sum", "mean"])
def test_the_update_equals_a_plain_loop(pooling: Pooling) -> None:
    """In float64: a softmax leaves some weights gradients of nothing but rounding, which Adam makes steps of."""
    rows, targets = demonstrations(7)
    rows = rows.double()
    config = AlilConfig(states_per_batch=3, policy_epochs=2)
    old = random_alil_policy(pooling, 5, 4, 6, Stream(1))
    old.network.double()
    before = {name: value.clone() for name, value in old.network.state_dict().items()}
    found = update_alil(old, rows, targets, config, Stream(2), CPU)
    assert (found.pooling, found.choices) == (pooling, 5)
    assert all(torch.equal(value, before[name]) for name, value in old.network.state_dict().items())

    network = random_alil_policy(pooling, 5, 4, 6, Stream(1)).network.double()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
    (key,) = draws.keys([Stream(2).child("order").seed])
    for epoch in range(2):
        order = draws.permutation(draws.fold(key, epoch), 7)
        for batch in (order[:3], order[3:6], order[6:]):
            loss = torch.zeros((), dtype=torch.float64)
            for step in batch:
                chances = torch.softmax(network(rows[step])[:, 0], dim=0)
                loss = loss - chances[targets[step]].log()
            optimizer.zero_grad()
            (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found.network.state_dict()[name], value, rtol=1e-9, atol=1e-9)


def demonstrations(steps: int) -> tuple[Tensor, Tensor]:
    """States in which the least certain of 5 candidates is the expert's."""
    rows, targets = [], []
    for seed in range(steps):
        given = make_context(n=5, labeled=6, passes=2, members=2, seed=seed)
        rows.append(random_alil_policy("mean", 5, 4, 6, Stream(0)).rows(given))
        targets.append(int(given.candidates.probs.max(dim=1).values.argmin()))
    return torch.stack(rows), torch.tensor(targets)


def test_what_is_demonstrated_is_learned() -> None:
    rows, targets = demonstrations(400)
    config = AlilConfig(policy_epochs=60, policy_learning_rate=1e-3)
    learned = update_alil(
        random_alil_policy("mean", 5, 4, 6, Stream(0)), rows[:300], targets[:300], config, Stream(0), CPU
    )
    right = 0
    for seed in range(300, 400):
        given = make_context(n=5, labeled=6, passes=2, members=2, seed=seed)
        right += int(learned.query(given, 1, rng=np.random.default_rng(0))) == int(targets[seed])
    assert right > 40  # of 100; by chance with a probability below 1e-5


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that was finished."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tmp")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    train_alil(CONFIG, out, progress=False)
    return contents(out)


def test_a_run_leaves_a_policy(tmp_path: Path) -> None:
    folder = train_alil(CORRECTED, tmp_path, progress=False)
    trained = find_strategy(str(folder))
    assert isinstance(trained, AlilPolicy)
    assert (trained.pooling, trained.choices) == ("mean", 4)
    trained.check(recipe(load_dataset("digits")))
    tensors = [load_tensors(tmp_path, number) for number in (1, 2, 3)]
    assert [tuple(part["rows"].shape) for part in tensors] == [(6, 4, 532)] * 3
    actors = [step["actor"] for number in (1, 2, 3) for step in load_log(tmp_path, number)]
    card = (folder / "card.json").read_text()
    assert f'"expert": {actors.count("expert")},' in card
    first, last = (load_policy(tmp_path / "rounds" / name, AlilPolicy) for name in ("0001", "0003"))
    rows, targets = (torch.cat([part[name] for part in tensors[:1]]) for name in ("rows", "targets"))
    start = random_alil_policy("mean", 4, 10, 256, Stream(0).child("policy"))
    expected = update_alil(start, rows, targets, CORRECTED, Stream(0).child("update", 1), CPU)
    for name, value in expected.network.state_dict().items():
        assert torch.equal(first.network.state_dict()[name], value)
        # The last bias moves all logits alike, so its gradient is 0 but for rounding.
        assert value.numel() == 1 or not torch.equal(last.network.state_dict()[name], value)


@pytest.mark.parametrize("keep", ["", "episodes/0001", "episodes/000", "rounds/0001"])
def test_whatever_is_lost_is_made_again(keep: str, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    kept = ("config.json", "episodes/0001", keep) if keep else ("config.json",)
    for name, content in undisturbed.items():
        if name.startswith(kept):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
    train_alil(CONFIG, tmp_path, progress=False)
    assert contents(tmp_path) == undisturbed


_SCRIPT = """
import sys
from pathlib import Path
from iale.classifiers.base import TrainingConfig
from iale.dagger.alil import train_alil
from iale.dagger.config import AlilConfig
train_alil({config!r}, Path(sys.argv[1]), progress=False)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", _SCRIPT.format(config=CONFIG), str(out)]) as process:
        deadline = time.monotonic() + 100
        while not list(out.glob("episodes/*.json")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
    assert (out / "episodes/0001.json").exists()
    assert contents(out).items() <= undisturbed.items()  # no half file under a final name
    train_alil(CONFIG, out, progress=False)
    assert contents(out) == undisturbed


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    source = DataFingerprint("ab", "cd")
    claim(CONFIG, tmp_path, source)
    claim(replace(CONFIG, episodes=9), tmp_path, source)
    for other in (CORRECTED, DaggerConfig()):
        with pytest.raises(ConfigError, match="another configuration"):
            claim(other, tmp_path, source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "improved"}, "faithful, corrected"),
        ({"choices": 1}, "2 choices"),
        ({"retrain_every": 0}, "between two fits"),
        ({"policy_epochs": 0}, "1 epoch"),
        ({"policy_learning_rate": 0.0}, "above 0"),
        ({"labeling_budget": 20}, "nothing to choose"),
        ({"episodes": 0}, "1 episode"),
        ({"expert_probability": -0.5}, "0 … 1"),
        ({"scoring_size": 0}, "scoring set"),
    ],
)
def test_bad_configurations_raise(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AlilConfig(**change)  # type: ignore[arg-type]


def test_a_pool_that_is_too_small_raises_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IaleError, match="lower the budget"):
        train_alil(replace(CONFIG, pool_size=29), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
