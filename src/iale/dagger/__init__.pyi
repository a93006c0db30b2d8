from .alil import train_alil as train_alil
from .config import EXPERTS as EXPERTS
from .config import AdamConfig as AdamConfig
from .config import AlilConfig as AlilConfig
from .config import DaggerConfig as DaggerConfig
from .config import LessonConfig as LessonConfig
from .config import UpdateConfig as UpdateConfig
from .trainer import train_policy as train_policy
