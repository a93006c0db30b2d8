from .encoders import ENCODERS as ENCODERS
from .encoders import Encoder as Encoder
from .encoders import find_encoder as find_encoder
from .points import Points as Points
