from ._meeting import side_by_side as side_by_side
from ._train import stackable as stackable
from ._train import train_stacked as train_stacked
from ._train import width as width
