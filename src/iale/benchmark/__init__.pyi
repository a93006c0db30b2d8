from .config import ExperimentConfig as ExperimentConfig
from .config import PoolName as PoolName
from .runner import run_experiment as run_experiment
