"""Who asks if nobody names a strategy, and what happens where that one cannot compare the samples."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import Tensor, nn

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.calibration import CrossValidation
from iale.classifiers.torch_classifier import TorchClassifier
from iale.cli._progress import work_of
from iale.data.arrays import ArraySamples
from iale.data.images import FolderSamples
from iale.errors import ConfigError, IaleWarning, UnreadableError
from iale.policies import catalog
from iale.policies.catalog import find_strategy
from iale.policies.saved import save_policy
from iale.policies.universal import untrained_policy
from iale.recipe import AUTO, RecipeConfig, fitting_strategy, strategy_of
from iale.seeding import Stream
from iale.strategies.catalog import DEFAULT_STRATEGY

ROWS = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
TRAINING = TrainingConfig(epochs=2, device="cpu")


class Tokens(nn.Module):
    """Means of the embeddings of token ids."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(50, 8), nn.Linear(8, 3)

    def forward(self, input_ids: Tensor) -> Tensor:
        logits: Tensor = self.out(self.table(input_ids).mean(dim=1))
        return logits


def tokens() -> Mapping[str, Tensor]:
    return {"input_ids": torch.randint(0, 50, (60, 7), generator=Stream(0).torch())}


def told(model: nn.Module, samples: object, strategy: str | None = None) -> ActiveLearner:
    found = ActiveLearner(model, samples, strategy, training=TRAINING)
    found.tell(range(6), [0, 1, 2, 0, 1, 2])
    return found


@pytest.mark.parametrize("cold", [True, False])
def test_margin_asks_and_says_why_where_nothing_can_be_compared(cold: bool) -> None:
    def learner(strategy: str | None = None) -> ActiveLearner:
        found = told(Tokens(), tokens(), strategy)
        if cold:
            found.forget(range(6))
        return found

    one = learner()
    with pytest.warns(IaleWarning, match="margin asks instead of eherding, .*: samples of token ids have no built-in"):
        asked = one.ask(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert one.ask(5) == asked  # once is enough
        assert learner("margin").ask(5) == asked
    assert getattr(one.strategy, "name", "") == "margin"
    with pytest.raises(ConfigError, match="give embeddings as the geometry"):
        learner(DEFAULT_STRATEGY).ask(5)  # what the user names is not replaced


def test_the_default_is_error_herding() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(nn.Linear(5, 3), ROWS).ask(5) == told(nn.Linear(5, 3), ROWS, "eherding").ask(5)
        points = ActiveLearner(Tokens(), tokens(), training=TRAINING, geometry=ROWS)
        assert len(set(points.ask(5))) == 5
    assert getattr(points.strategy, "name", "") == "eherding"


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("labels", [0, 1, 6, 12])
def test_a_trained_model_is_asked_as_it_is(classes: int, labels: int) -> None:
    """Labels calibrate nothing: nobody knows which of them the model has seen."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Linear(5, classes)  # without embeddings
    one = ActiveLearner.from_fitted(model, ROWS)
    one.tell(range(labels), [label % classes for label in range(labels)])
    assert len(set(one.ask(7)) - set(range(labels))) == 7
    sharp = nn.Linear(5, classes)
    sharp.load_state_dict({name: 9 * value.roll(1, -1) for name, value in model.state_dict().items()})
    other = ActiveLearner.from_fitted(sharp, ROWS)
    other.tell(range(labels), [label % classes for label in range(labels)])
    assert other.ask(7) != one.ask(7)  # the model counts, even before the first label


def test_a_labeled_sample_without_numbers_does_not_count_for_the_temperature() -> None:
    logits = torch.tensor([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 2)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    odd = torch.cat([logits, torch.tensor([[torch.nan, 0.0]])])
    expected = CrossValidation(logits, labels, ()).temperature
    assert CrossValidation(odd, torch.cat([labels, labels[:1]]), ()).temperature == expected
    assert CrossValidation(odd[-1:], labels[:1], ()).temperature == 1.0


def test_the_fits_that_calibrate_are_foreseen() -> None:
    margin, herding = (work_of(find_strategy(name), 20, 100) for name in ("margin", DEFAULT_STRATEGY))
    assert (margin.asked.folds, herding.asked.folds) == (0, 5)
    assert herding.read == margin.read + (5 + 1) * 20  # its second opinion looks at what M says of the labeled ones


def test_auto_never_takes_a_policy_that_fits_any_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_policy(untrained_policy(Stream(0)), tmp_path / "a-universal", {"source": {}})
    monkeypatch.setattr(catalog, "PRETRAINED", tmp_path)
    assert list(catalog.list_policies()) == ["a-universal"]
    classifier = TorchClassifier(nn.Linear(5, 3), ArraySamples(ROWS), TRAINING)
    auto = RecipeConfig(strategy=AUTO)
    assert strategy_of(auto, classifier)[1:] == ("margin", "")
    assert fitting_strategy(auto, classifier)[1] == "margin"
    assert fitting_strategy(RecipeConfig(strategy="a-universal"), classifier)[0].name == "universal"


@pytest.mark.parametrize("cold", [True, False])
def test_a_sample_that_nobody_can_see_is_not_asked_for(cold: bool, tmp_path: Path) -> None:
    for place in range(20):
        Image.fromarray(np.random.default_rng(place).integers(0, 256, (24, 24, 3), np.uint8)).save(
            tmp_path / f"{place:02}.jpg"
        )
    broken = tmp_path / "07.jpg"
    broken.write_bytes(broken.read_bytes()[:300])  # its header can be read, its pixels cannot
    learner = told(nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 3)), FolderSamples(tmp_path))
    if cold:
        learner.forget(range(6))
    with pytest.raises(UnreadableError, match=r"07\.jpg"):
        learner.ask(20 if cold else 14)  # all that are left: its geometry is zero, so it comes last
    learner.skip([7])
    assert 7 not in learner.ask(13)


def test_random_draws_uniformly_before_the_first_label() -> None:
    """Also from clusters, of which a batch of samples that differ would take one each."""
    rows = np.repeat(np.eye(3, dtype=np.float32), [8, 1, 1], axis=0)
    asked = [ActiveLearner(nn.Linear(3, 2), rows, "random", seed=seed).ask(2) for seed in range(300)]
    counts = np.bincount(np.array(asked).ravel(), minlength=10)
    assert stats.chisquare(counts).pvalue > 1e-3  # seeds are fixed, so nothing fails by chance
