"""Train a small policy on labeled data, then let it choose on data that it has not seen.

Two short episodes show how it works and teach the policy next to nothing. The policies that come with iale learned
from 16 episodes, and with them Margin is as good: see docs/results.md before you plan on a gain.

    python examples/train_policy.py
"""

from pathlib import Path

from iale import ActiveLearner, TrainingConfig, load_dataset, load_policy
from iale.classifiers import build_classifier
from iale.dagger import DaggerConfig, UpdateConfig, train_policy
from iale.learner import CycleConfig

training = TrainingConfig(epochs=10, device="cpu")
config = DaggerConfig(
    dataset="digits",
    classifier="mlp",
    experts=("margin", "coreset"),  # at each step the policy learns from the one whose choice helps most
    episodes=2,
    cycle=CycleConfig(labeling_budget=50, acquisition_size=10, subset_size=50, initial_size=20),
    training=training,
    update=UpdateConfig(policy_epochs=5),
)
folder = train_policy(config, Path("policy-run"), progress=False)
policy = load_policy(folder)  # weights.safetensors and card.json; nothing is unpickled

# Elsewhere: other images, the same number of classes, and a classifier whose embedding has the same width.
clothes = load_dataset("fashion-small")
classifier = build_classifier("mlp", clothes.train, clothes.num_classes, training)
learner = ActiveLearner(classifier, clothes.train, policy, subset_size=50)  # the size it learned on
for _ in range(3):
    asked = learner.ask(10)
    learner.tell(asked, clothes.train_labels[asked])
print("the policy would label these next:", learner.ask(10))
