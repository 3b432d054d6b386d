"""One config: read it, check it, distribute it, train or test it."""

from .config import load_config
from .configs import config_path, configs_folder, find_config, shipped_configs
from .distributed import prepare_cpu_distribution
from .occlusion import occlusion_accuracy
from .preflight import check_before_start
from .runner import build_runner
from .trust import require_checkpoint, require_start

__all__ = [
    'build_runner',
    'check_before_start',
    'config_path',
    'configs_folder',
    'find_config',
    'load_config',
    'occlusion_accuracy',
    'prepare_cpu_distribution',
    'require_checkpoint',
    'require_start',
    'shipped_configs',
]
