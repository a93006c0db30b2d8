from .status import Advice as Advice
from .status import Point as Point
from .status import Range as Range
from .status import Status as Status
