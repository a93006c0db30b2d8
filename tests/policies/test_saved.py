"""A policy's folder: what goes in comes out, and what was altered is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from iale._storage import write_tensors
from iale.benchmark._play import describe_run
from iale.benchmark.grid import GridConfig
from iale.classifiers.base import TrainingConfig
from iale.classifiers.torch_classifier import TorchClassifier
from iale.errors import IaleError, PolicyError, UnknownNameError
from iale.policies.catalog import find_strategy, list_policies
from iale.policies.iale import IalePolicy, random_policy
from iale.policies.saved import load_card, load_policy, save_policy
from iale.policies.state import StateConfig
from iale.seeding import Stream
from iale.strategies.base import QueryContext
from iale.testing import check_strategy, make_context


@pytest.fixture
def policy() -> IalePolicy:
    return random_policy(StateConfig(), num_classes=4, embedding_dim=6, stream=Stream(3))


@pytest.fixture
def folder(policy: IalePolicy, tmp_path: Path) -> Path:
    save_policy(policy, tmp_path / "mine", {"source": {"dataset": "digits"}})
    return tmp_path / "mine"


def context(classes: int = 4, dim: int = 6) -> QueryContext:
    return make_context(n=20, num_classes=classes, dim=dim, labeled=7, passes=2, members=2, seed=1)


def test_a_policy_passes_the_contract_of_every_strategy(policy: IalePolicy) -> None:
    check_strategy(policy)


def test_scores_are_the_network_applied_row_by_row(policy: IalePolicy) -> None:
    from iale.policies.state import encode, observe

    rows = encode(observe(context()), policy.state).double()
    layers = [layer for layer in policy.network if isinstance(layer, nn.Linear)]  # type: ignore[attr-defined]
    assert [tuple(layer.weight.shape) for layer in layers] == [(128, rows.shape[1]), (128, 128), (1, 128)]
    for layer in layers[:-1]:
        rows = (rows @ layer.weight.double().T + layer.bias.double()).clamp(min=0)
    expected = rows @ layers[-1].weight.double().T + layers[-1].bias.double()
    torch.testing.assert_close(policy.score(context()).double(), expected[:, 0], rtol=1e-4, atol=1e-5)


def test_what_is_saved_is_loaded(policy: IalePolicy, folder: Path) -> None:
    loaded = load_policy(folder, IalePolicy)
    assert torch.equal(loaded.score(context()), policy.score(context()))
    assert loaded.state == policy.state
    assert isinstance(find_strategy(str(folder)), IalePolicy)
    again = folder.parent / "again"
    save_policy(loaded, again, {"source": {"dataset": "digits"}})
    for name in ("weights.safetensors", "card.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_another_state_is_refused_with_what_was_expected(policy: IalePolicy) -> None:
    with pytest.raises(PolicyError, match=r"expects 4 classes and embeddings 6 wide.*3 classes and embeddings 5 wide"):
        policy.query(context(classes=3, dim=5), 2, rng=np.random.default_rng(0))
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 4))
    with pytest.raises(PolicyError, match="embeddings 9 wide"):
        policy.check(TorchClassifier(model, (1, 2, 2), TrainingConfig(device="cpu")))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["weights.safetensors", "card.json"])
def test_truncated_files_are_refused(folder: Path, name: str, share: float) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(IaleError, match=name):
        load_policy(folder)


def test_a_flipped_bit_is_refused(folder: Path) -> None:
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-5] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(IaleError, match="SHA-256"):
        load_policy(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"embedding_dim": 7},
        {"num_classes": 1},
        {"num_classes": "many"},
        {"state": {"gradient": False}},
        {"state": {"no_such_part": True}},
        {"kind": "other"},
        {"weights_sha256": "0"},
        {"schema": 99},
    ],
)
def test_an_altered_card_is_refused(folder: Path, change: dict[str, object]) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(IaleError):
        load_policy(folder)


def test_the_digest_of_a_card_is_that_of_records_and_covers_the_values_alone(policy: IalePolicy, folder: Path) -> None:
    """Here from the definition in docs/policies.md, with NumPy."""
    digest = hashlib.sha256()
    for name, tensor in sorted(policy.network.state_dict().items()):
        values = tensor.numpy()
        digest.update(f"network.{name} torch.{values.dtype} {values.shape} ".encode() + values.tobytes())
    card, described = load_card(folder), describe_run(GridConfig(), "mine", load_policy(folder), "subset", 0)
    assert card["weights_sha256"] == described["policy"]["weights_sha256"] == digest.hexdigest()


def test_a_card_that_names_the_digest_of_the_file_is_still_read(folder: Path) -> None:
    """As cards did before; an altered file is refused all the same."""
    card, weights = json.loads((folder / "card.json").read_text()), folder / "weights.safetensors"
    data = weights.read_bytes()
    before = {**card, "weights_sha256": hashlib.sha256(data).hexdigest()}
    (folder / "card.json").write_text(json.dumps(before))
    assert isinstance(load_policy(folder), IalePolicy)
    weights.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    with pytest.raises(IaleError, match="SHA-256"):
        load_policy(folder)


def test_weights_of_another_type_are_refused(policy: IalePolicy, folder: Path) -> None:
    halves = {name: tensor.bfloat16() for name, tensor in policy.network.state_dict().items()}
    write_tensors(folder / "weights.safetensors", halves)
    with pytest.raises(IaleError, match="SHA-256"):
        load_policy(folder)


def test_a_pickle_in_place_of_weights_is_not_run(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    torch.save({"weights": Bomb()}, folder / "weights.safetensors")
    with pytest.raises(IaleError):
        load_policy(folder)
    assert not marker.exists()


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="badge"):
        find_strategy("no-such")
    with pytest.raises(PolicyError, match=r"card\.json"):
        find_strategy(str(tmp_path))
    for name in list_policies():
        assert isinstance(find_strategy(name), IalePolicy)
