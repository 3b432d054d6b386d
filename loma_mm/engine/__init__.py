from .config import load_config
from .distributed import prepare_cpu_distribution
from .preflight import check_before_start

__all__ = ['check_before_start', 'load_config', 'prepare_cpu_distribution']
