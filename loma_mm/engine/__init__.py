from .cli import (
    add_cfg_options,
    add_model_argument,
    add_run_arguments,
    build_runner,
    load_models,
    load_run_config,
    require_checkpoint,
)
from .config import load_config
from .cpu_optim_wrapper import CPUOptimWrapper
from .distributed import prepare_cpu_distribution
from .last_validation_hook import LastValidationHook
from .preflight import check_before_start

__all__ = [
    'CPUOptimWrapper',
    'LastValidationHook',
    'add_cfg_options',
    'add_model_argument',
    'add_run_arguments',
    'build_runner',
    'check_before_start',
    'load_config',
    'load_models',
    'load_run_config',
    'prepare_cpu_distribution',
    'require_checkpoint',
]
