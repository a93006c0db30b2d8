from ._builtin import built_in as built_in
from ._store import build as build
from .encoders import ENCODERS as ENCODERS
from .encoders import Encoder as Encoder
from .encoders import find_encoder as find_encoder
from .maker import Maker as Maker
from .points import Points as Points
