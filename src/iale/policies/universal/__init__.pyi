from .policy import Form as Form
from .policy import UniversalPolicy as UniversalPolicy
from .policy import untrained_policy as untrained_policy
