"""The training of the universal policy.

config       what is trained on, and how
_family      which data sets show the same things
_sources     data sets as points, without those that are held out
_labels      classes of a task: subsets, merges and parts of the classes of a source
_tasks       tasks at random: a source, classes, a view, a pool, a batch size, first labels
_heads       many linear heads with labels drawn from a reference
_look_ahead  what batches are worth
_plans       learned herding on small pools
_proposals   the batches that are compared in a state
_states      a task is played, and its states are kept
_files       the file of a task
_ranking     which pairs of batches matter
_examples    states as tensors of one size
_scores      how learned herding scores a batch
_fit         the networks learn from examples
_choice      what is chosen by whom, for the card
_lesson      what a policy learns after a round
_claim       a folder holds one run
trainer      rounds of tasks; the policy of each acts in the next
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
