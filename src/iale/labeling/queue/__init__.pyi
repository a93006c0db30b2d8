from ._handing import Handing as Handing
from ._queue import Queue as Queue
from ._queue import Shares as Shares
