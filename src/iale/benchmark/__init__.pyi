from .grid import GridConfig as GridConfig
from .records import PoolName as PoolName
from .records import Record as Record
from .runner import run_grids as run_grids
from .runner import run_one as run_one
