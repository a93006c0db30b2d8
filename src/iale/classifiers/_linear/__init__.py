"""How `LinearHead` fits many heads at once.

_options     which options a head has
_metric      products with the inputs, and steps in the metric of the curvatures
_solver      the problems, and the descent to a proven tolerance
_stacks      labeled sets of any size in stacks of problems
_strengths   the L2 strength, by cross-validation
"""
