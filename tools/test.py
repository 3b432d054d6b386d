"""Test a detector or a classifier; the flags are OpenMMLab's."""
import argparse
import os
import os.path as osp

from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from loma_mm.engine import (check_before_start, load_config,
                            prepare_cpu_distribution)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--work-dir',
        help='where logs and metrics go (default: the work_dir of the '
        'config, or work_dirs/ and the name of the config)')
    parser.add_argument(
        '--out', help='write all predictions to this .pkl file')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--show-dir',
        help='paint predictions on the test images and write them to this '
        'folder of the work dir')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds each window stays with --show')
    parser.add_argument(
        '--interval',
        type=int,
        help='show or paint every so many images (default: as the config)')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='test with automatic mixed precision')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config: key=value, where nested keys '
        'are joined by dots and lists are written as key="[a,b]" or key=a,b')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none')
    # Passed by torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    if args.out is not None and not args.out.endswith(('.pkl', '.pickle')):
        parser.error(f'--out must end in .pkl or .pickle, got {args.out}')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def apply_args(cfg: Config, args: argparse.Namespace) -> None:
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('work_dirs', name)
    if '://' not in args.checkpoint and not osp.isfile(args.checkpoint):
        raise SystemExit(f'There is no checkpoint {args.checkpoint}.')
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    detection = cfg.get('default_scope') == 'mmdet'
    if args.show or args.show_dir is not None:
        if 'visualization' not in cfg.default_hooks:
            raise SystemExit('--show and --show-dir need a visualization hook '
                             f'and the default_hooks of {args.config} have '
                             'none: inherit the default_runtime of the '
                             'toolbox.')
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
                out_file_path=args.out)
        ]


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    apply_args(cfg, args)
    check_before_start(cfg, ('test', ))
    prepare_cpu_distribution(cfg)
    runner = (
        RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg))
    runner.test()


if __name__ == '__main__':
    main()
