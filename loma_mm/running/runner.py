"""MMEngine's Runner as our commands start it."""

import os.path as osp
import sys
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from loma_mm.errors import DataError
from loma_mm.version import __version__

from .console import tidy


class TidyRunner(Runner):
    """MMEngine's Runner; its long tables go to the log file alone."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger as the Runner does; it begins with what runs."""
        logger = super().build_logger(*args, **kwargs)
        tidy(logger)
        scope = self.cfg.get('default_scope', 'mmengine')
        version = getattr(sys.modules.get(scope), '__version__', '')
        logger.info(
            f'{self.experiment_name}: {scope} {version}, loma_mm {__version__}; '
            f'the whole log, with the config: {logger.log_file}'
        )
        return logger


def build_runner(cfg: Config) -> Runner:
    """The config's own kind of runner, by default MMEngine's.

    A plain ``CheckpointHook`` becomes one that loses nothing when a save is
    interrupted.
    """
    checkpoint = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if checkpoint.get('type') in ('CheckpointHook', CheckpointHook):
        checkpoint['type'] = 'WholeCheckpointHook'
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return TidyRunner.from_cfg(cfg)


def require_checkpoint(path: str) -> None:
    """Raise a DataError if a local checkpoint is not there."""
    if '://' not in path and not osp.isfile(path):
        raise DataError(f'There is no checkpoint {path}.')
