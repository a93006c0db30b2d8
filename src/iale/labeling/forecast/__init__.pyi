from .status import Status as Status
