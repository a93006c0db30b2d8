"""Embeddings and a linear head: the features of a frozen encoder go in, the samples to label come out.

In your project, `embeddings` is the output of a pretrained encoder (DINOv2, CLIP, a sentence encoder) for your samples,
saved once as an array [N, D]. Here principal components of the digits stand in for it. They are far weaker than the
features of a real encoder, so read the printed accuracies as a check that the code runs, not as a comparison.

    python examples/embeddings.py
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import nn

from iale import ActiveLearner, ArraySamples, TorchClassifier, TrainingConfig

pixels, labels = load_digits(return_X_y=True)
embeddings = PCA(32, whiten=True, random_state=0).fit_transform(pixels).astype(np.float32)
pool, test = embeddings[:1400], ArraySamples(embeddings[1400:])

# The head has one layer, so its input is the embedding that BADGE and CoreSet work with: yours, unchanged.
# A linear head is cheap to fit and needs a larger learning rate than the default, which is made for networks.
training = TrainingConfig(epochs=50, learning_rate=0.02, device="cpu")
head = TorchClassifier(nn.Linear(32, 10), (32,), training)

for strategy in ("random", "margin", "badge"):
    learner = ActiveLearner(head, pool, strategy, subset_size=None, seed=0)  # None: look at the whole pool
    while len(learner.labeled) < 100:
        asked = learner.ask(20)
        learner.tell(asked, labels[asked])
    predicted = learner.fit().outputs(test, torch.arange(len(test))).predictions.numpy()
    print(f"{strategy:7} {len(learner.labeled)} labels: {(predicted == labels[1400:]).mean():.1%}")
