from .meeting import side_by_side as side_by_side
