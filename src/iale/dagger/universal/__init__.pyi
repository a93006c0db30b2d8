from .config import UniversalConfig as UniversalConfig
from .config import UniversalFitConfig as UniversalFitConfig
from .config import family_of as family_of
from .trainer import train_universal as train_universal
