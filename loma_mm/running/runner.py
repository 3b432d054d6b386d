"""MMEngine's Runner as our commands start it."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from loma_mm.errors import ConfigError, LomaError
from loma_mm.version import __version__

from .config import building
from .console import tidy
from .loading import name_unreadable
from .weights import require_all, require_order, watch_loading

# The part of a training that a warm-up may take.
WARMUP_SHARE = 0.2


def _in_words(method: Callable, part: str) -> Callable:
    """A method that builds a part of the config; where it cannot, it says so."""

    @functools.wraps(method)
    def build(self: Runner, *args: Any, **kwargs: Any) -> Any:
        with building(f'{part} of the config {self.cfg.filename}', self.logger):
            return method(self, *args, **kwargs)

    return build


class TidyRunner(Runner):
    """MMEngine's Runner; its long tables go to the log file alone.

    And no warm-up outlasts the training: one that is counted in iterations, as
    MMDetection's 500, takes at most a fifth of them. A small dataset would
    else end before its learning rate has begun.

    And a test is one of the weights in the checkpoint: MMEngine warns of those that
    do not fit, and tests random ones.
    """

    # Whether what is loaded is tested, and not trained on.
    _tests = False

    build_visualizer = _in_words(Runner.build_visualizer, 'visualizer')
    build_model = _in_words(Runner.build_model, 'model')
    build_optim_wrapper = _in_words(Runner.build_optim_wrapper, 'optim_wrapper')
    build_train_loop = _in_words(Runner.build_train_loop, 'train_cfg or its data')
    build_val_loop = _in_words(Runner.build_val_loop, 'val_cfg or its data')
    build_test_loop = _in_words(Runner.build_test_loop, 'test_cfg or its data')
    register_hook = _in_words(Runner.register_hook, 'a hook')

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build it as the Runner does; it names images that cannot be loaded."""
        loader = Runner.build_dataloader(*args, **kwargs)
        name_unreadable(loader.dataset)
        return loader

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

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """Build the schedulers as the Runner does, with shorter warm-ups."""
        if isinstance(scheduler, (list, tuple)):
            scheduler = [self._shorten(part) for part in scheduler]
        else:
            scheduler = self._shorten(scheduler)
        return super().build_param_scheduler(scheduler)

    def test(self) -> dict[str, float]:
        """Test as the Runner does, with all weights of the checkpoint.

        Raises:
            ConfigError: If weights of the model are not in the checkpoint, have
                other shapes there, or it was trained with other labels.
        """
        self._tests = True
        return super().test()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume as the Runner does.

        Raises:
            ConfigError: If the state in the checkpoint is that of another model or
                optimizer.
        """
        groups = getattr(self.optim_wrapper, 'param_groups', ())
        needed = [set(group) for group in groups if isinstance(group, dict)]
        try:
            super().resume(filename, *args, **kwargs)
            # PyTorch takes the settings of another optimizer for its own.
            for names, group in zip(needed, self.optim_wrapper.param_groups):
                if missing := sorted(names - set(group)):
                    raise ValueError(f'it has no {missing[0]}')
        except (LomaError, torch.cuda.OutOfMemoryError):
            raise
        except (ValueError, KeyError, RuntimeError) as error:
            raise ConfigError(
                f'{filename} was saved by a training with another model, optimizer or '
                f'schedule than those of the config {self.cfg.filename} '
                f'({type(error).__name__}: {error}): give the config and options of '
                'that training, or begin a new one in another --work-dir, with '
                f'--cfg-options load_from={filename} for its weights.'
            ) from error

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load as the Runner does; what does not fit is said, and stops a test."""
        with watch_loading(self.model) as unloaded:
            checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        if self._tests:
            require_all(unloaded, checkpoint, filename, self.cfg)
            metainfo = getattr(self.test_dataloader.dataset, 'metainfo', {})
            require_order(checkpoint, metainfo.get('classes'), filename)
        elif unloaded:
            self.logger.warning(f'Not taken from {filename}: {unloaded}.')
        return checkpoint

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks as the Runner does; bare weights as of a checkpoint.

        EMA hooks look for a ``state_dict``, and for names as the model's.
        """
        loaded = kwargs.get('checkpoint', {})
        if fn_name == 'after_load_checkpoint' and 'state_dict' not in loaded:
            weights = {name.removeprefix('module.'): x for name, x in loaded.items()}
            kwargs['checkpoint'] = dict(state_dict=weights)
        super().call_hook(fn_name, **kwargs)

    def _shorten(self, part: Any) -> Any:
        longest = max(1, int(WARMUP_SHARE * self.max_iters))
        if not (
            isinstance(part, dict)
            and part.get('type') in ('LinearLR', 'ConstantLR')
            and not part.get('by_epoch', True)
            and part.get('begin', 0) == 0
            and part.get('end', 0) > longest
        ):
            return part
        self.logger.info(
            f'The warm-up of {part["end"]} iterations takes {longest} of the '
            f'{self.max_iters} of this training.'
        )
        return dict(part, end=longest)


def build_runner(cfg: Config) -> Runner:
    """The config's own kind of runner, by default MMEngine's.

    A plain ``CheckpointHook`` becomes one that loses nothing when a save is
    interrupted, no random draw of a training is repeated, and a loss that is no
    number ends it.

    Raises:
        ConfigError: If the config, or a part of it, cannot be built.
    """
    hooks = cfg.default_hooks = cfg.get('default_hooks') or {}
    hooks.setdefault('draw_seed', dict(type='DrawSeedHook'))
    hooks.setdefault('non_finite_loss', dict(type='NonFiniteLossHook'))
    checkpoint = hooks.get('checkpoint') or {}
    if checkpoint.get('type') in ('CheckpointHook', CheckpointHook):
        checkpoint['type'] = 'WholeCheckpointHook'
    with building(f'The Runner of the config {cfg.filename}'):
        return RUNNERS.build(cfg) if 'runner_type' in cfg else TidyRunner.from_cfg(cfg)
