"""How `LinearHead` fits many heads at once.

_options     which options a head has
_problems    the problems, and products with their inputs
_solver      the descent to a proven tolerance
_stacks      labeled sets of any size in stacks of problems
_strengths   the L2 strength, by cross-validation
"""
