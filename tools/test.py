"""Test a detector or a classifier; the flags are OpenMMLab's."""

import argparse

from mmengine.config import Config

from loma_mm.engine import (
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
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='write all predictions to this .pkl file')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window'
    )
    parser.add_argument(
        '--show-dir',
        help='paint predictions on the test images and write them to this '
        'folder (for detectors, one below the work dir)',
    )
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds each window stays with --show',
    )
    parser.add_argument(
        '--interval',
        type=int,
        help='show or paint every so many images (default: as the config)',
    )
    parser.add_argument(
        '--amp', action='store_true', help='test with automatic mixed precision'
    )
    add_run_arguments(parser)
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out must end in .pkl or .pickle, got {args.out}')
    return args


def apply_args(cfg: Config, args: argparse.Namespace) -> None:
    require_checkpoint(args.checkpoint)
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    detection = cfg.get('default_scope') == 'mmdet'
    if args.show or args.show_dir is not None:
        if 'visualization' not in cfg.default_hooks:
            raise SystemExit(
                '--show and --show-dir need a visualization hook '
                f'and the default_hooks of {args.config} have '
                'none: inherit the default_runtime of the '
                'toolbox.'
            )
        hook = cfg.default_hooks.visualization
        # The hooks of the two toolboxes name the same things differently.
        hook['draw' if detection else 'enable'] = True
        hook['test_out_dir' if detection else 'out_dir'] = args.show_dir
        hook.show = args.show
        hook.wait_time = args.wait_time
        if args.interval is not None:
            hook.interval = args.interval
    if args.out is not None:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        cfg.test_evaluator = [
            *evaluators,
            dict(
                type='DumpDetResults' if detection else 'DumpResults',
                out_file_path=args.out,
            ),
        ]


def main() -> None:
    args = parse_args()
    cfg = load_run_config(args)
    apply_args(cfg, args)
    check_before_start(cfg, ('test',))
    prepare_cpu_distribution(cfg)
    build_runner(cfg).test()


if __name__ == '__main__':
    main()
