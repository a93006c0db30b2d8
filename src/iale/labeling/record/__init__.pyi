from ._answers import Answers as Answers
from ._fits import Fit as Fit
from ._fits import Fits as Fits
from ._fits import Latest as Latest
from ._fits import RandomFits as RandomFits
from ._journal import Event as Event
from ._journal import Journal as Journal
from .config import ProjectConfig as ProjectConfig
