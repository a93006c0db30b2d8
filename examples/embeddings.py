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

from iale import ActiveLearner, ArraySamples
from iale.classifiers import LinearHead

pixels, labels = load_digits(return_X_y=True)
embeddings = PCA(32, whiten=True, random_state=0).fit_transform(pixels).astype(np.float32)
pool, test = embeddings[:1400], ArraySamples(embeddings[1400:])

# Logistic regression, fitted exactly: no learning rate and no epochs. An nn.Linear works, too, but on few labels, and
# with the training that networks need, it learns much less.
head = LinearHead(pool, 10)

for strategy in ("random", "margin", "uherding"):
    learner = ActiveLearner(head, pool, strategy, subset_size=None, seed=0)  # None: look at the whole pool
    while len(learner.labeled) < 100:
        asked = learner.ask(20)
        learner.tell(asked, labels[asked])
    predicted = learner.fit().outputs(test, torch.arange(len(test))).predictions.numpy()
    print(f"{strategy:8} {len(learner.labeled)} labels: {(predicted == labels[1400:]).mean():.1%}")
