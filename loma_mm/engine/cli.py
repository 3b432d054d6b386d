"""What the tools share on their command lines; the flags are OpenMMLab's."""

import argparse
import os
import os.path as osp
from collections.abc import Sequence

from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from .config import load_config
from .preflight import check_before_start


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config: key=value, where nested keys '
        'are joined by dots and lists are written as key="[a,b]" or key=a,b',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing have in common."""
    parser.add_argument(
        '--work-dir',
        help='where logs and results go (default: the work_dir of the '
        'config, or work_dirs/ and the name of the config)',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    # Passed by torch.distributed.launch.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    add_cfg_options(parser)


def load_run_config(args: argparse.Namespace) -> Config:
    """Read the config and apply :func:`add_run_arguments`'s flags to it."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('work_dirs', name)
    return cfg


def add_model_argument(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--model``, which may be given for several classifiers."""
    parser.add_argument(
        '--model',
        nargs=3,
        action='append',
        required=required,
        default=[],
        metavar=('LABEL', 'CONFIG', 'CHECKPOINT'),
        help='what to call a classifier, its config and its checkpoint; '
        'repeat it for each classifier to compare',
    )


def load_models(
    args: argparse.Namespace, splits: Sequence[str]
) -> list[tuple[str, Config, str]]:
    """Read and check what :func:`add_model_argument` asked for.

    Args:
        args (argparse.Namespace): With ``model`` and ``cfg_options``, which
            apply to all configs.
        splits (Sequence[str]): See :func:`check_before_start`.

    Returns:
        list[tuple[str, Config, str]]: Label, config and checkpoint of each.

    Raises:
        SystemExit: If a model cannot be run, in one sentence.
    """
    models = []
    for label, path, checkpoint in args.model:
        cfg = load_config(path, args.cfg_options)
        if cfg.get('default_scope') != 'mmpretrain':
            raise SystemExit(
                f"{path} is not a classifier's config: its "
                f"default_scope is not 'mmpretrain'."
            )
        require_checkpoint(checkpoint)
        check_before_start(cfg, splits)
        models.append((label, cfg, checkpoint))
    return models


def require_checkpoint(path: str) -> None:
    """Exit with one sentence if a local checkpoint is not there."""
    if '://' not in path and not osp.isfile(path):
        raise SystemExit(f'There is no checkpoint {path}.')


def build_runner(cfg: Config) -> Runner:
    """The config's own kind of runner, by default MMEngine's."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)
