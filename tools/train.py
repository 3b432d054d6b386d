"""Train a detector or a classifier; the flags are OpenMMLab's."""

import argparse

from mmengine.config import Config
from mmengine.device import get_device

from loma_mm.engine import (
    LastValidationHook,
    add_run_arguments,
    build_runner,
    check_before_start,
    load_run_config,
    prepare_cpu_distribution,
    require_checkpoint,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
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
    return parser.parse_args()


def apply_args(cfg: Config, args: argparse.Namespace) -> None:
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        if get_device() == 'cpu':
            raise SystemExit(
                '--amp needs a GPU or another accelerator and '
                'none is visible: train without --amp.'
            )
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise SystemExit(
                '--auto-scale-lr needs to know the batch size that the '
                f'learning rate of {args.config} is meant for: give it with '
                '--cfg-options auto_scale_lr.base_batch_size=N.'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
        if cfg.load_from is not None:
            require_checkpoint(cfg.load_from)


def main() -> None:
    args = parse_args()
    cfg = load_run_config(args)
    apply_args(cfg, args)
    check_before_start(cfg, ('train', 'val'))
    prepare_cpu_distribution(cfg)
    runner = build_runner(cfg)
    if args.resume is not None:
        runner.register_hook(LastValidationHook())
    runner.train()


if __name__ == '__main__':
    main()
