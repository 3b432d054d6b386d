"""What the commands share on their command lines; the flags are OpenMMLab's."""

import argparse
import os
import os.path as osp
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backend_bases import FigureCanvasBase
from mmengine.config import Config
from mmengine.registry import init_default_scope

from loma_mm.errors import ConfigError, UsageError
from loma_mm.files import why_not_writable
from loma_mm.running import check_before_start, load_config, require_checkpoint
from loma_mm.running.distributed import read_launcher
from loma_mm.running.options import ConfigOptions
from loma_mm.visualization import BeforeAfter


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='override settings of the config: key=value, where nested keys '
        'are joined by dots and lists are written as key="[a,b]" or key=a,b; names '
        'keep their blanks',
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the config, a file or the name of a shipped one."""
    parser.add_argument(
        'config',
        help='a config file, or the name of a shipped one (python -m loma_mm '
        'configs lists them)',
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust-checkpoint``, which the command line itself reads."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='let checkpoints run code, as a pickle can: only for files of people '
        'whom you trust (default: weights, numbers and text alone are loaded)',
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
    add_trust(parser)
    add_cfg_options(parser)


def load_run_config(args: argparse.Namespace) -> Config:
    """Read the config and apply :func:`add_run_arguments`'s flags to it."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    read_launcher(args.launcher)
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('work_dirs', name)
    require_output('--work-dir', cfg.work_dir, folder=True)
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
    add_trust(parser)


def read_classifiers(
    args: argparse.Namespace, splits: Sequence[str]
) -> list[tuple[str, Config, str]]:
    """Read and check the configs that :func:`add_model_argument` asked for.

    Args:
        args (argparse.Namespace): With ``model`` and ``cfg_options``, which
            apply to all configs.
        splits (Sequence[str]): See :func:`check_before_start`.

    Returns:
        list[tuple[str, Config, str]]: Label, config and checkpoint of each.

    Raises:
        LomaError: If a model cannot be run, in one sentence.
    """
    models = []
    for label, path, checkpoint in args.model:
        cfg = load_config(path, args.cfg_options)
        if cfg.get('default_scope') != 'mmpretrain':
            raise ConfigError(
                f"{path} is not a classifier's config: its "
                f"default_scope is not 'mmpretrain'."
            )
        require_checkpoint(checkpoint)
        check_before_start(cfg, splits)
        models.append((label, cfg, checkpoint))
    return models


def output_file(path: str) -> str:
    """An argparse type: a file that can be written."""
    if reason := why_not_writable(path):
        raise argparse.ArgumentTypeError(f'{reason}: name another file')
    return path


def output_folder(path: str) -> str:
    """An argparse type: a folder into which files can be written."""
    if reason := why_not_writable(path, folder=True):
        raise argparse.ArgumentTypeError(f'{reason}: name another folder')
    return path


def output_text(path: str) -> str:
    """An argparse type: a text file that can be written, over no other kind."""
    output_file(path)
    if osp.isfile(path):
        try:
            Path(path).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            raise argparse.ArgumentTypeError(
                f'{path} is there and no text file: name another file'
            ) from None
    return path


def require_output(flag: str, path: str, folder: bool = False) -> None:
    """Raise a UsageError unless a path that was not typed can be written."""
    if reason := why_not_writable(path, folder):
        raise UsageError(f'{reason}: say another place with {flag}')


def require_different(*paths: str | None) -> None:
    """Raise a UsageError if one file is to be written twice."""
    given = [osp.realpath(path) for path in paths if path]
    if len(given) > len(set(given)):
        twice = next(path for path in given if given.count(path) > 1)
        raise UsageError(f'{twice} cannot be both of two files: name another one')


def picture_path(path: str) -> str:
    """An argparse type: a file that matplotlib can write."""
    known = sorted(FigureCanvasBase.get_supported_filetypes())
    if osp.splitext(path)[1][1:].lower() not in known:
        raise argparse.ArgumentTypeError(
            f'the name of a picture must end with one of .{", .".join(known)},'
            f' got {path}'
        )
    return output_file(path)


def positive(text: str) -> int:
    """An argparse type: a whole number from 1 on."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f'must be a whole number from 1 on, got {text}'
        )
    return value


def seed(text: str) -> int:
    """An argparse type: a seed that NumPy and PyTorch take."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f'must be a whole number from 0 to {2**32 - 1}, got {text}'
        )
    return value


def existing_file(path: str) -> str:
    """An argparse type: a file that is there."""
    if not osp.isfile(path):
        raise argparse.ArgumentTypeError(f'there is no file {path}')
    return path


def open_samples(
    path: str, options: dict | None, split: str
) -> tuple[Config, BeforeAfter]:
    """Read and check a config, and open the samples of one of its splits.

    From here on, the registries look into the config's own toolbox first.
    """
    cfg = load_config(path, options)
    check_before_start(cfg, (split,))
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    return cfg, BeforeAfter(cfg, split)
