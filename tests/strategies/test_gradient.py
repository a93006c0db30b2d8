from __future__ import annotations

import pytest
import torch

from iale.classifiers.base import Outputs
from iale.strategies._gradient import gradient_embeddings, residuals
from iale.testing import make_context, reference


@pytest.mark.parametrize("seed", range(3))
def test_equal_the_gradient_of_the_last_layer_that_autograd_finds(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Linear(6, 5)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(5, 6, generator=generator))
    embeddings = torch.randn(9, 6, generator=generator)
    logits = layer(embeddings)
    result = gradient_embeddings(Outputs(logits.detach(), embeddings))
    for row in range(9):
        loss = torch.nn.functional.cross_entropy(logits[row : row + 1], logits[row : row + 1].argmax(dim=1))
        (gradient,) = torch.autograd.grad(loss, layer.weight, retain_graph=True)
        torch.testing.assert_close(result[row].reshape(5, 6), gradient, rtol=1e-5, atol=1e-6)


def test_equal_the_reference() -> None:
    outputs = make_context(20, num_classes=7, dim=3).candidates
    expected = torch.from_numpy(reference.gradient_embeddings(outputs.logits, outputs.embeddings))
    result = gradient_embeddings(outputs)
    assert result.dtype == torch.float32
    assert result.shape == (20, 21)
    torch.testing.assert_close(result.double(), expected, rtol=1e-6, atol=1e-7)


def test_the_pseudo_label_is_the_prediction() -> None:
    rows = residuals(torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 3.0]]))
    probs = torch.softmax(torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 3.0]]).double(), dim=1)
    torch.testing.assert_close(rows[0], probs[0] - torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(rows[1], probs[1] - torch.tensor([0.0, 1.0, 0.0]))  # the first of two maxima


def test_confident_residuals_do_not_round_to_zero() -> None:
    row = residuals(torch.tensor([[50.0, 0.0, 0.0]]))[0]
    assert row[0] < 0
    assert float(row.sum()) == 0
