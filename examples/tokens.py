"""Token ids in a dictionary, as a tokenizer returns them, and a small transformer that reads them by keyword.

Sequences are generated here: class 1 says "7" somewhere before "3". In your project, the dictionary comes from
`tokenizer(texts, padding="max_length", …)`, and the model from a library. It may return an object with `logits`.

    python examples/tokens.py
"""

import numpy as np
import torch
from torch import Tensor, nn

from iale import ActiveLearner, TrainingConfig
from iale.data import DictSamples

WORDS, LENGTH = 12, 10


class Transformer(nn.Module):
    """One layer of attention, and the mean over the tokens that are no padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, 32), nn.Embedding(LENGTH, 32)
        self.layer = nn.TransformerEncoderLayer(32, nhead=4, dim_feedforward=64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """[B, LENGTH] ids and mask to logits [B, 2]."""
        x = self.words(input_ids) + self.places.weight
        x = self.layer(x, src_key_padding_mask=attention_mask == 0)
        mask = attention_mask[..., None]
        return {"logits": self.head((x * mask).sum(dim=1) / mask.sum(dim=1))}


def sequences(count: int, seed: int) -> tuple[DictSamples, np.ndarray]:
    """Padded sequences and their classes."""
    rng = np.random.default_rng(seed)
    ids, lengths = rng.integers(1, WORDS, (count, LENGTH)), rng.integers(5, LENGTH + 1, count)
    mask = (np.arange(LENGTH) < lengths[:, None]).astype(int)
    ids[np.arange(count), rng.integers(0, 2, count)], ids[np.arange(count), rng.integers(2, 5, count)] = 7, 3
    swapped = rng.random(count) < 0.5
    ids[swapped] = np.select([ids[swapped] == 7, ids[swapped] == 3], [3, 7], ids[swapped])
    classes = [row.tolist().index(7) < row.tolist().index(3) for row in ids]
    return DictSamples({"input_ids": ids * mask, "attention_mask": mask}), np.array(classes, dtype=int)


pool, labels = sequences(1000, seed=0)
test, truth = sequences(500, seed=1)

# A function, because attention cannot be drawn anew in place. It makes a new model for every fit.
training = TrainingConfig(epochs=20, learning_rate=0.003, device="cpu")
learner = ActiveLearner(Transformer, pool, "margin", training=training)
for _ in range(4):
    asked = learner.ask(50)
    learner.tell(asked, labels[asked])
    outputs = learner.fit().outputs(test, torch.arange(len(test)))
    print(f"{len(learner.labeled)} labels: {(outputs.predictions.numpy() == truth).mean():.1%} of the test are right")
