from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from iale.classifiers import _draws as draws
from iale.classifiers._modules import initialize
from iale.classifiers.networks import Dropout, Network, Standardize, cnn, mlp, resnet18
from iale.errors import ModelError

Make = Callable[..., Network]


def build(make: Make, shape: tuple[int, ...], classes: int = 10, seed: int = 0) -> Network:
    network = make(shape, classes, [0.3] * shape[0], [0.5] * shape[0])
    initialize(network, draws.keys([seed])[0])
    return network.eval()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [(8, 8), (9, 13), (28, 28), (65, 8)])
@pytest.mark.parametrize(("make", "width"), [(cnn, 128), (mlp, 256), (resnet18, 128)])
def test_any_size_and_channel_count(make: Make, width: int, side: tuple[int, int], channels: int) -> None:
    network = build(make, (channels, *side), classes=7)
    images = torch.randint(0, 256, (2, channels, *side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = network(images)
    assert logits.shape == (2, 7)
    assert bool(torch.isfinite(logits).all())
    last = network.head[-1]
    assert isinstance(last, nn.Linear)
    assert last.in_features == width


@pytest.mark.parametrize("side", [2, 3])
def test_the_cnn_reads_the_smallest_images(side: int) -> None:
    assert build(cnn, (1, side, side))(torch.zeros(1, 1, side, side)).shape == (1, 10)


@pytest.mark.parametrize(("make", "shape"), [(cnn, (64,)), (cnn, (1, 1, 9)), (resnet18, (3, 7, 32)), (cnn, (8, 8))])
def test_other_inputs_are_refused_with_the_expected_shape(make: Make, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"reads images of shape \(channels, height, width\)"):
        make(shape, 10, [0.0], [1.0])


def test_the_mlp_reads_features() -> None:
    assert build(mlp, (5,))(torch.zeros(3, 5)).shape == (3, 10)


def test_the_cnn_equals_the_papers_order_of_layers() -> None:
    """ReLU before the pooling, as in the authors' code; ours pools first, and the two commute."""
    network = build(cnn, (3, 11, 10))
    paper = nn.Sequential(
        nn.Conv2d(3, 32, 4, padding=2),
        nn.ReLU(),
        nn.Conv2d(32, 32, 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(32 * 5 * 5, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    ).eval()
    paper.load_state_dict(
        dict(zip(paper.state_dict(), [p.detach() for p in network.parameters()], strict=True)), strict=True
    )
    images = torch.rand(6, 3, 11, 10, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network(images), paper((images - 0.3) / 0.5))


@pytest.mark.parametrize(("side", "stem"), [(32, 3 * 64 * 9), (96, 3 * 64 * 49)])
def test_resnet18_has_the_published_number_of_weights(side: int, stem: int) -> None:
    """He et al.'s ResNet-18 for ImageNet has 11,689,512 weights, including a 7×7 stem and a layer of 1,000 classes."""
    published = 11_689_512 - 3 * 64 * 49 - (512 * 1000 + 1000)
    ours = published + stem + (512 * 128 + 128) + (128 * 10 + 10)
    network = resnet18((3, side, side), 10, [0.0] * 3, [1.0] * 3)
    assert sum(p.numel() for p in network.parameters()) == ours


def test_cnn_and_mlp_have_the_papers_number_of_weights() -> None:
    count = {make: sum(p.numel() for p in make((1, 28, 28), 10, [0.0], [1.0]).parameters()) for make in (cnn, mlp)}
    assert count[cnn] == (16 * 32 + 32) + (32 * 32 * 4 + 32) + (32 * 14 * 14 * 128 + 128) + (128 * 10 + 10)
    assert count[mlp] == (784 * 256 + 256) + (256 * 10 + 10)


def test_initial_weights_are_the_counted_draws_within_one_over_root_fan_in() -> None:
    key = draws.keys([5])[0]
    network = cnn((2, 9, 9), 3, [0.0] * 2, [1.0] * 2)
    initialize(network, key)
    parameters = list(network.parameters())
    fan_in = [2 * 16] * 2 + [32 * 4] * 2 + [32 * 16] * 2 + [128] * 2
    for number, (parameter, fan) in enumerate(zip(parameters, fan_in, strict=True)):
        bound = fan**-0.5
        expected = (2 * draws.uniform(draws.fold(key, number), parameter.numel()) - 1) * bound
        torch.testing.assert_close(parameter.detach().flatten(), expected)
    assert float(parameters[4].detach().std()) == pytest.approx(512**-0.5 / 3**0.5, rel=0.01)


def test_initialize_forgets_what_batch_normalization_has_seen() -> None:
    network = build(resnet18, (1, 8, 8))
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    for part in network.modules():
        if isinstance(part, Dropout):
            part.key = draws.keys([1])[0]
    network(torch.rand(4, 1, 8, 8))
    assert any(not torch.equal(value, fresh[name]) for name, value in network.state_dict().items())
    initialize(network, draws.keys([0])[0])
    assert all(torch.equal(value, fresh[name]) for name, value in network.state_dict().items())


def test_layers_that_cannot_be_drawn_are_not_left_as_they_are() -> None:
    with pytest.raises(ModelError, match="the weights of LayerNorm cannot be drawn"):
        initialize(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), draws.keys([0])[0])


def masked(p: float, x: Tensor, seed: int = 0) -> Tensor:
    dropout = Dropout(p)
    dropout.key = draws.keys([seed])[0]
    kept: Tensor = dropout(x)
    return kept


@pytest.mark.parametrize("p", [0.25, 0.5])
def test_dropout_keeps_the_mean_and_drops_its_share(p: float) -> None:
    out = masked(p, torch.ones(1000, 100))
    assert float((out == 0).double().mean()) == pytest.approx(p, abs=4 * (p * (1 - p) / 1e5) ** 0.5)
    assert float(out.double().mean()) == pytest.approx(1, abs=4 * (p / (1 - p) / 1e5) ** 0.5)
    assert sorted(set(out.flatten().tolist())) == pytest.approx([0, 1 / (1 - p)])


def test_padding_behind_a_batch_changes_nothing_before_it() -> None:
    x = torch.rand(5, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([x, torch.zeros(7, 3, 4, 2)])
    assert torch.equal(masked(0.5, x), masked(0.5, padded)[:5])
    channels_last = padded.contiguous(memory_format=torch.channels_last)
    assert torch.equal(masked(0.5, x), masked(0.5, channels_last)[:5])


def test_dropout_is_off_in_evaluation_and_at_zero() -> None:
    x = torch.rand(3, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_dropout_without_a_key_is_no_silent_identity() -> None:
    with pytest.raises(ModelError, match="dropout is on but has no key"):
        Dropout(0.5)(torch.ones(2, 2))


def test_bytes_are_scaled_before_they_are_standardized() -> None:
    standardize = Standardize([0.5, 0.0], [0.25, 1.0])
    images = torch.tensor([0, 255, 51, 102], dtype=torch.uint8).reshape(1, 2, 1, 2)
    expected = torch.tensor([-2.0, 2.0, 0.2, 0.4]).reshape(1, 2, 1, 2)
    torch.testing.assert_close(standardize(images), expected)
    torch.testing.assert_close(standardize(images / 255), expected)


def test_a_channel_that_was_constant_is_only_centered() -> None:
    """Divided by almost 0, a later value of that feature would swamp all other features."""
    out = Standardize([0.1, 0.0, 2.0], [1e-17, 0.0, 0.5])(torch.tensor([[0.3, 1.0, 3.0]]))
    torch.testing.assert_close(out, torch.tensor([[0.2, 1.0, 2.0]]))
