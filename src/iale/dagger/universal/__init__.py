"""The training of the universal policy.

config       what is trained on, and how
_sources     data sets as points, without those that are held out
_labels      classes of a task: subsets, merges and parts of the classes of a source
_tasks       tasks at random: a source, classes, a view, a pool, a batch size, first labels
_heads       many linear heads with labels drawn from a reference
_look_ahead  what batches are worth
_proposals   the batches that are compared in a state
_states      a task is played, and its states are kept
_files       the file of a task
_fit         the policy learns from the states
trainer      rounds of tasks; the policy of each acts in the next
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
