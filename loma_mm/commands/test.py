"""Test a detector or a classifier; the flags are OpenMMLab's."""

import argparse
import os.path as osp
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log

from loma_mm.errors import ConfigError
from loma_mm.files import whole_file
from loma_mm.running import (
    build_runner,
    check_before_start,
    prepare_cpu_distribution,
    require_checkpoint,
)

from .arguments import (
    add_config,
    add_run_arguments,
    load_run_config,
    output_file,
    require_output,
)

PICTURES = {
    'DetVisualizationHook': 'loma_mm.engine.hooks.detection_pictures.DetectionPictures',
    'VisualizationHook': (
        'loma_mm.engine.hooks.classification_pictures.ClassificationPictures'
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', type=pickle_path, help='write all predictions to this .pkl file'
    )
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


def pickle_path(path: str) -> str:
    """An argparse type: the name of a pickle file."""
    if not path.endswith(('.pkl', '.pickle')):
        raise argparse.ArgumentTypeError(f'must end in .pkl or .pickle, got {path}')
    return output_file(path)


def apply_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Carry the flags into the config."""
    require_checkpoint(args.checkpoint)
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    detection = cfg.get('default_scope') == 'mmdet'
    if args.show_dir is not None:
        folder = osp.join(cfg.work_dir, args.show_dir) if detection else args.show_dir
        require_output('--show-dir', folder, folder=True)
    if args.show or args.show_dir is not None:
        if 'visualization' not in cfg.default_hooks:
            raise ConfigError(
                '--show and --show-dir need a visualization hook '
                f'and the default_hooks of {args.config} have '
                'none: inherit the default_runtime of the '
                'toolbox.'
            )
        hook = cfg.default_hooks.visualization
        # Which give each image a picture of its own.
        hook.type = PICTURES.get(hook.type, hook.type)
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


def write_whole(metric: DumpResults) -> None:
    """Let it write all of the predictions or none under their final name."""

    def compute_metrics(results: list) -> dict:
        path = metric.out_file_path
        with whole_file(path) as part:
            dump(results, part)
        print_log(f'{path}: predictions of {len(results)} images.', 'current')
        return {}

    metric.compute_metrics = compute_metrics  # type: ignore[method-assign]


def run(args: argparse.Namespace) -> None:
    """Test."""
    cfg = load_run_config(args)
    apply_arguments(cfg, args)
    check_before_start(cfg, ('test',))
    prepare_cpu_distribution(cfg)
    runner = build_runner(cfg)
    if args.out is not None:
        loop: Any = runner.test_loop
        write_whole(loop.evaluator.metrics[-1])
    runner.test()
