from .config import UniversalConfig as UniversalConfig
from .config import UniversalFitConfig as UniversalFitConfig
from .trainer import train_universal as train_universal
