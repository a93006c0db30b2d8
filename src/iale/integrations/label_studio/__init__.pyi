from ._client import Client as Client
from ._loop import LoopConfig as LoopConfig
from ._loop import run as run
