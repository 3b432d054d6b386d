"""Train a detector or a classifier; the flags are OpenMMLab's."""

import argparse

from mmengine.config import Config
from mmengine.device import get_device

from loma_mm.engine import LastValidationHook
from loma_mm.errors import ConfigError, SetupError
from loma_mm.running import (
    build_runner,
    check_before_start,
    prepare_cpu_distribution,
    require_start,
)
from loma_mm.running.resume import latest_checkpoint
from loma_mm.running.work_dir import locked

from .arguments import add_config, add_run_arguments, load_run_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint, or, without a value, from the '
        'latest one in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train with automatic mixed precision'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the total batch size',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='train without validation'
    )
    add_run_arguments(parser)


def apply_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Carry the flags into the config."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        if get_device() == 'cpu':
            raise SetupError(
                '--amp needs a GPU or another accelerator and '
                'none is visible: train without --amp.'
            )
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ConfigError(
                '--auto-scale-lr needs to know the batch size that the '
                f'learning rate of {args.config} is meant for: give it with '
                '--cfg-options auto_scale_lr.base_batch_size=N.'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume not in (None, 'auto'):
        cfg.load_from, cfg.resume = args.resume, True
    elif args.resume or (cfg.get('resume') and not cfg.get('load_from')):
        hooks = cfg.get('default_hooks') or {}
        latest = latest_checkpoint(cfg.work_dir, hooks.get('checkpoint'))
        cfg.resume = latest is not None
        # Without one, it starts from what the config says.
        cfg.load_from = latest or cfg.get('load_from')
    require_start(cfg)


def run(args: argparse.Namespace) -> None:
    """Train."""
    cfg = load_run_config(args)
    apply_arguments(cfg, args)
    check_before_start(cfg, ('train', 'val'))
    with locked(cfg.work_dir, cfg.launcher):
        prepare_cpu_distribution(cfg)
        runner = build_runner(cfg)
        runner.register_hook(LastValidationHook())
        runner.train()
