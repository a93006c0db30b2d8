from .loop import LoopConfig as LoopConfig
from .loop import run as run
