from ._builtin import built_in as built_in
from .maker import Maker as Maker
from .points import Points as Points
from ._store import build as build
