"""Ask and tell: your own PyTorch module, an array of images, and which of them to label next.

The digits come with scikit-learn, so nothing is downloaded. Their known labels stand in for the person who labels.

    python examples/ask_and_tell.py
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from iale import ActiveLearner, ArraySamples, TrainingConfig

digits = load_digits()
images = (digits.images * 15).astype(np.uint8)  # [N, 8, 8]; bytes reach the module scaled to 0 … 1
labels = digits.target
pool, test = images[:1400], ArraySamples(images[1400:])

# Any module that maps a batch to logits will do. iale copies it and fits the copy from fresh weights each time.
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
training = TrainingConfig(epochs=50, learning_rate=0.01, device="cpu")
learner = ActiveLearner(model, pool, "margin", training=training)

for _ in range(6):
    # The first time nothing is labeled, so the samples are chosen to differ. After that the strategy chooses.
    asked = learner.ask(20)
    learner.tell(asked, labels[asked])  # in your project, a person looks at these twenty
    outputs = learner.fit().outputs(test, torch.arange(len(test)))
    accuracy = (outputs.predictions.numpy() == labels[1400:]).mean()
    print(f"{len(learner.labeled):3} labels: {accuracy:.1%} of the test images are right")

print("label these next:", learner.ask(5))
