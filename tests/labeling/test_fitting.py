from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.labeling.conftest import QUICK, Make, label_some, truth, write_images

from iale.classifiers.base import TrainingConfig
from iale.data._sketches import keep_apart, sketches, spread
from iale.errors import ConfigError, DataError, ModelError
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting._niceness import NICENESS
from iale.labeling.fitting._process import warm_process
from iale.labeling.fitting._random import fit_to_random_labels
from iale.labeling.fitting.scores import scores_csv
from iale.labeling.items._reading import Reading
from iale.labeling.project import Project
from iale.labeling.record.config import ProjectConfig
from iale.policies.catalog import list_policies
from iale.recipe import classifier_of, strategy_of


def fit(project: Project) -> None:
    Refitter(project, Reading(project.items)).fit()


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def test_a_fit_ranks_the_pool_and_is_tested_on_the_test_share_alone(make: Make) -> None:
    project = make(count=200, test_share=0.2, fit_every=5, training=TrainingConfig(epochs=40, device="cpu"))
    label_some(project, 30)
    fit(project)
    latest, fits = project.fits.latest, project.fits.all
    assert latest is not None
    assert len(fits) == 1
    assert (fits[0].labels, fits[0].classes, fits[0].strategy) == (24, ("even", "odd"), "margin")
    assert fits[0].answered == project.changes()
    reserved, index = project.shares.reserved, project.items.ids.index
    assert not any(reserved[index(sample)] for sample in (*latest.queue, *latest.explore))
    assert not set(latest.queue) & set(project.labels())
    assert len(latest.queue) == len(set(latest.queue)) == 100
    assert set(project.labels_to_test_on()) <= set(fits[0].tests)
    assert all(reserved[index(sample)] for sample in fits[0].tests)
    right = [fits[0].tests[sample] == label for sample, label in project.labels_to_test_on().items()]
    assert np.mean(right) > 0.9
    guess = latest.guesses[latest.queue[0]]
    assert {name for name, _ in guess} == {"even", "odd"}
    assert sum(p for _, p in guess) == pytest.approx(1, abs=1e-3)
    ticket = next(t for t in project.next("bo", 5) if t.reason == "query")
    assert ticket.guess == latest.guesses[ticket.sample]
    assert ticket.sample == latest.queue[0]
    label_some(project, 6)
    fit(project)
    assert [f.labels for f in project.fits.all] == [24, 24 + 5]
    fit(project)
    assert len(list(project.folder.glob("weights-*.safetensors"))) == 2
    assert Project.open(project.folder).fits.all == project.fits.all


def test_the_same_labels_give_the_same_queue(make: Make) -> None:
    queues = []
    for name in "ab":
        project = make(name, count=80)
        label_some(project, 12)
        fit(project)
        assert project.fits.latest is not None
        queues.append(project.fits.latest.queue)
    assert queues[0] == queues[1]


def test_the_order_of_the_answers_does_not_matter(make: Make) -> None:
    rng = np.random.default_rng(0)
    answers = []
    for name in "abc":
        project = make(name, count=800, test_share=0.05, classes=("even", "odd", "other"))
        ids = list(project.items.ids)
        order = [at for at in range(560) if not project.shares.reserved[at]]
        project.add_labels("ann", {ids[at]: truth(project, ids[at]) for at in rng.permutation(order)}, "imported")
        fit(project)
        latest, (last,) = project.fits.latest, project.fits.all
        assert latest is not None
        tests = {ids[at]: truth(project, ids[at]) for at in rng.permutation(60)}
        random = fit_to_random_labels(project.reader, Reading(project.items), tests, project.classes)
        answers.append((latest.queue, latest.explore, latest.guesses, latest.digest, last.tests, random))
    assert answers[0] == answers[1] == answers[2]


DIRECTIONS = """
from torch import nn

class Directions(nn.Module):  # zeros have none
    def __init__(self, classes):
        super().__init__()
        self.last = nn.Linear(2, classes)

    def forward(self, x):
        return self.last(x / x.norm(dim=1, keepdim=True))
"""


def test_a_sample_whose_outputs_are_nan_is_passed_over(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_directions.py").write_text(DIRECTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    rows = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    rows[50] = 0
    np.savez(tmp_path / "zeros.npz", x=rows)
    config = ProjectConfig(tmp_path / "zeros.npz", ("a", "b", "c"), model="own_directions:Directions", training=QUICK)
    project = Project.create(tmp_path / "zeros", config)
    odd = project.items.ids[50]
    project.add_labels("ann", {project.items.ids[at]: "ab"[at % 2] for at in range(20)}, "imported")
    fit(project)
    latest = project.fits.latest
    assert latest is not None
    assert odd not in {*latest.queue, *latest.explore, *latest.guesses}
    assert len(latest.queue) == len(latest.explore) > 20
    assert latest.unreadable == {odd: "the model's outputs for row 50 are NaN or infinite."}
    assert 0 < latest.confidence < 1
    assert "row 50" in project.notices[-1]
    assert [line[:3] for line in scores_csv(project)][1:] == [f"{at}," for at in range(20, 60) if at != 50]


def test_people_label_while_the_process_fits_and_it_yields(make: Make) -> None:
    project = make(count=300, fit_every=5, twice_share=0.0)
    project.start_fitting()
    label_some(project, 10)
    wait(lambda: project.fits.latest is not None)
    wait(
        lambda: any(parent(int(pid)) == os.getpid() and fits(int(pid)) for pid in os.listdir("/proc") if pid.isdigit())
    )
    label_some(project, 10)
    wait(lambda: not project.fitting and len(project.fits.all) >= 2)
    assert project.problem == ""
    assert {t.reason for t in project.next("bo", 3)} <= {"query", "test"}
    project.close()
    project.label("ann", project.next("ann", 1)[0].sample, "odd")  # goes on without fits


def test_the_first_model_is_not_kept_waiting_by_others(make: Make) -> None:
    """The process imports before the project is open, and yields when the first model is there."""
    process = warm_process()
    project = make(count=300, fit_every=5, twice_share=0.0)
    project.start_fitting(process)
    assert process.submit(os.getpriority, os.PRIO_PROCESS, 0).result() == 0
    label_some(project, 10)
    wait(lambda: project.fits.latest is not None)
    assert process.submit(os.getpriority, os.PRIO_PROCESS, 0).result() == NICENESS


def test_a_process_of_lower_priority_keeps_it() -> None:
    code = (
        "import os; os.nice(15); from iale.labeling.fitting._niceness import yield_to_others; yield_to_others(); "
        "print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["15"]


def test_a_process_that_was_killed_before_the_project_was_open_is_replaced(make: Make) -> None:
    process = warm_process()
    os.kill(process.submit(os.getpid).result(), signal.SIGKILL)
    with pytest.raises(BrokenExecutor):
        process.submit(time.sleep, 60).result()
    project = make()
    project.start_fitting(process)
    assert project.problem == ""


def test_the_first_model_does_not_wait_for_photos_of_the_test_share(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 40)
    project = Project.create(tmp_path / "p", ProjectConfig(tmp_path / "data", ("a", "b"), test_share=0.5))
    for number in range(12):
        project.label("ann", project.next("ann", 1)[0].sample, "ab"[number // 2 % 2])
    tested = set(project.labels_to_test_on())
    refitter = Refitter(project, Reading(project.items))
    refitter.fit()
    refitter.fit()
    first, second = (set(one.tests) for one in project.fits.all)
    assert 0 < len(tested) < 12
    assert first == tested
    assert second > first


def test_a_killed_fitting_process_is_said_and_started_again(make: Make) -> None:
    project = make(count=300, fit_every=5, classifier="mlp", training=TrainingConfig(epochs=3000, device="cpu"))
    project.start_fitting()
    label_some(project, 8)
    wait(
        lambda: any(parent(int(pid)) == os.getpid() and fits(int(pid)) for pid in os.listdir("/proc") if pid.isdigit())
    )
    for pid in [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent(int(pid)) == os.getpid()]:
        if fits(pid):
            os.kill(pid, signal.SIGKILL)
    wait(lambda: not project.fitting)
    assert "was killed" in project.problem
    label_some(project, 3)
    assert len(project.labels()) == 11
    label_some(project, 8)
    wait(lambda: project.fitting)


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return -1


def fits(pid: int) -> bool:
    """Whether a process fits: its command line tells it from the tracker of semaphores, which may be as nice."""
    try:
        worker = b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return worker and os.getpriority(os.PRIO_PROCESS, pid) == NICENESS
    except OSError:
        return False


def test_a_model_that_fails_is_said_and_labeling_goes_on(make: Make) -> None:
    project = make(count=100, fit_every=4, model="no_such_module:model")
    project.start_fitting()
    label_some(project, 8)
    wait(lambda: bool(project.problem))
    assert "the model no_such_module:model cannot be imported" in project.problem
    assert project.status().problem == project.problem
    assert len(label_some(project, 4)) == 4


def test_images_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 30)
    (tmp_path / "data" / "aa-broken.png").write_bytes(b"no image")
    config = ProjectConfig(tmp_path / "data", ("a", "b"), test_share=0.1, training=QUICK)
    project = Project.create(tmp_path / "p", config)
    broken = project.items.ids[0]
    assert project.name(broken) == "aa-broken.png"
    project.label("ann", broken, "a")
    for number in range(8):
        project.label("ann", project.next("ann", 1)[0].sample, "ab"[number % 2])
    project.path(project.items.ids[20]).unlink()
    fit(project)
    latest = project.fits.latest
    assert latest is not None
    assert {project.name(sample) for sample in latest.unreadable} >= {"aa-broken.png"}
    assert project.items.ids[20] not in latest.queue
    assert any("passed over" in notice for notice in project.notices)


def test_a_fit_needs_two_classes(make: Make) -> None:
    project = make()
    project.label("ann", project.items.ids[0], "even")
    assert not project.can_fit()
    with pytest.raises(DataError, match="at least two classes"):
        fit(project)


def test_a_class_that_comes_later_is_learned(make: Make) -> None:
    project = make(count=100)
    label_some(project, 10)
    fit(project)
    project.add_class("ann", "third")
    label_some(project, 2)
    fit(project)
    assert project.fits.all[-1].classes == ("even", "odd", "third")
    assert project.fits.latest is not None
    assert project.fits.latest.explore
    assert {len(guess) for guess in project.fits.latest.guesses.values()} == {3}


OWN = """
from torch import nn
def fixed():
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
def any_number(classes):
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, classes))
def wrong():
    return 3
def two(a, b):
    return None
"""


def test_a_model_of_ones_own(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_labeling_model.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    project = make(model="own_labeling_model:any_number")
    label_some(project, 8)
    fit(project)
    project.add_class("ann", "third")
    fit(project)
    assert len(project.fits.all) == 2
    fixed = make("fixed", model="own_labeling_model:fixed")
    label_some(fixed, 8)
    fit(fixed)
    fixed.add_class("ann", "third")
    with pytest.raises(ModelError, match="has 2 logits and there are 3 classes"):
        fit(fixed)
    for name, error in (("wrong", ModelError), ("two", ConfigError), ("none", ConfigError)):
        other = make(name, model=f"own_labeling_model:{name}")
        label_some(other, 8)
        with pytest.raises(error):
            fit(other)


@pytest.mark.parametrize("strategy", ["random", "entropy", "badge", "coreset", "mc-dropout", "ensemble"])
def test_any_strategy_asks(make: Make, strategy: str) -> None:
    project = make(count=40, strategy=strategy)
    label_some(project, 8)
    fit(project)
    assert project.fits.all[-1].strategy == strategy
    assert project.fits.latest is not None
    assert len(project.fits.latest.queue) > 20


def test_a_policy_asks_where_it_fits_and_margin_where_it_does_not(tmp_path: Path) -> None:
    """Shipped policies are made for 10 classes and the CNN."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.integers(0, 255, (60, 8, 8), dtype=np.uint8))
    for count in (10, 3):
        config = ProjectConfig(tmp_path / "x.npz", tuple("0123456789"[:count]), strategy="auto", training=QUICK)
        project = Project.create(tmp_path / str(count), config)
        for place, ticket in enumerate(project.next("ann", 12)):
            project.label("ann", ticket.sample, str(place % count))
        fit(project)
        assert (project.fits.all[-1].strategy in list_policies()) == (count == 10)
    name = next(iter(list_policies()))
    samples = project.items.samples
    classifier = classifier_of(config, "image", samples, 3)
    asked = ProjectConfig(tmp_path / "x.npz", strategy=name)
    _, instead, notice = strategy_of(asked, classifier)
    assert instead == "margin"
    assert f"margin asks instead of {name}: this policy expects 10 classes" in notice


def test_texts_are_learned(tmp_path: Path) -> None:
    words = {"good": "great lovely wonderful", "bad": "awful poor terrible"}
    rng = np.random.default_rng(0)
    lines = ["text"]
    for number in range(120):
        kind = ("good", "bad")[number % 2]
        lines.append(" ".join(rng.choice([*words[kind].split(), "the", "film", "was", "a"], 8)) + f" {number}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    training = TrainingConfig(epochs=30, device="cpu")
    config = ProjectConfig(tmp_path / "t.csv", ("good", "bad"), test_share=0.3, training=training)
    project = Project.create(tmp_path / "p", config)
    for _ in range(60):
        (ticket,) = project.next("ann", 1)
        project.label("ann", ticket.sample, ("good", "bad")[int(project.name(ticket.sample)) % 2])
    fit(project)
    accuracy = project.status().accuracy.value
    assert accuracy is not None
    assert accuracy > 0.85


def test_near_duplicates_come_last() -> None:
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 255, (6, 1, 16, 16), dtype=np.uint8))
    images[2] = (images[0] * 0.5).to(torch.uint8) + 20  # the same, darker
    images[4] = images[1]
    found = sketches(images, "image")
    assert keep_apart(found, [], 0.98) == [0, 1, 3, 5, 2, 4]
    assert keep_apart(found, [found[:0], found[3:4]], 0.98) == [0, 1, 5, 2, 3, 4]
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert not sketches(torch.zeros(1, 1, 8, 8), "image").any()


def test_spread_points_lie_far_apart_and_each_is_drawn_once() -> None:
    rng = np.random.default_rng(0)
    centers = 100 * np.eye(4)
    points = (centers[rng.integers(0, 4, 400)] + rng.normal(size=(400, 4))).astype(np.float32)
    chosen = spread(points, 4, rng)
    assert len({int(points[at].argmax()) for at in chosen}) == 4
    assert sorted(spread(points[:5], 9, rng)) == list(range(5))
    assert len(set(spread(np.zeros((5, 2), np.float32), 5, rng))) == 5
    near = torch.cdist(torch.from_numpy(points).double(), torch.from_numpy(points[:1]).double())[:, 0].square()
    assert int(points[spread(points, 1, rng, near)[0]].argmax()) != int(points[0].argmax())
