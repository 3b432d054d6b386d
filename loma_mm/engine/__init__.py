from .cli import (add_cfg_options, add_run_arguments, build_runner,
                  load_run_config, require_checkpoint)
from .config import load_config
from .cpu_optim_wrapper import CPUOptimWrapper
from .distributed import prepare_cpu_distribution
from .preflight import check_before_start

__all__ = [
    'CPUOptimWrapper', 'add_cfg_options', 'add_run_arguments', 'build_runner',
    'check_before_start', 'load_config', 'load_run_config',
    'prepare_cpu_distribution', 'require_checkpoint'
]
