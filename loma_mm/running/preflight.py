"""What can be known to fail is said before work starts, in one sentence."""

import importlib
import os
import os.path as osp
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from loma_mm.errors import ConfigError, DataError, LomaError, LomaWarning, SetupError

from .annotation_check import check_annotations
from .class_counts import check_class_counts, is_voc
from .class_folders import check_class_folders, read_list
from .console import imports_aside
from .datasets import SPLITS, dataset_configs
from .knobs import head_outputs
from .sample_check import check_samples, identity

HELP = (
    'put it there, or point the data_root of the datasets elsewhere with --cfg-options'
)


def check_before_start(cfg: Config, splits: Sequence[str]) -> None:
    """Check what a run needs: the toolbox, its operators, the datasets.

    A check that itself fails, on a dataset of a kind that it does not know,
    stops nothing: it warns that it could not check.

    Args:
        cfg (Config): The config to run.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' the run
            will read.

    Raises:
        SetupError: If the toolbox, or mmcv's operators, cannot be imported.
        ConfigError: If there is no model or no data to run on, a dataset or
            its pipeline cannot be built, or the model tells fewer classes apart
            than the data has.
        DataError: If data is missing, or annotated with other classes.
    """
    # Without a validation set a model is trained all the same.
    for key in ('model', *(f'{split}_dataloader' for split in splits[:1])):
        if not isinstance(cfg.get(key), dict):
            raise ConfigError(
                f'The config {cfg.filename} has no {key}: inherit a whole one, such as '
                'python -m loma_mm configs lists.'
            )
    check_toolbox(cfg.get('default_scope', 'mmengine'))
    hint = cfg.get('data_help', HELP)
    missing: list[str] = []
    present: list[tuple[BaseDataset, str]] = []
    for dataset, place in _datasets(cfg, splits):
        absent = _try(_missing_paths, dataset, place) or []
        missing += [path for path in absent if path not in missing]
        if absent:
            continue
        _try(_download, dataset, place, hint)
        _show(_try(check_annotations, dataset, place))
        present.append((dataset, place))
    if missing:
        raise DataError(
            'The dataset of this config is not on disk, missing '
            f'{", ".join(map(osp.abspath, missing))}: {hint}.'
        )
    _check_names(cfg, splits, present)
    # Those of val and test are often one.
    for dataset, place in {identity(one[0]): one for one in present[::-1]}.values():
        steps = _steps(cfg, place)
        _show(_try(check_samples, dataset, place, cfg.model, steps))


def _check_names(
    cfg: Config, splits: Sequence[str], present: list[tuple[BaseDataset, str]]
) -> None:
    """What data is called, and what a config calls it."""
    notes: list[str] = []
    if cfg.get('default_scope') == 'mmpretrain':
        notes = _try(check_class_folders, list(_class_folders(cfg, present))) or []
    for split in splits:
        parts = [
            (dataset, place)
            for dataset, place in present
            if place.startswith(f'{split}_dataloader')
        ]
        if parts and not hasattr(parts[0][0], 'with_label'):
            notes += _try(check_class_counts, split, parts) or []
    for dataset, place in present:
        _try(_check_num_classes, dataset, place, cfg.model)
    _show(notes)


def _show(notes: Sequence[str] | None) -> None:
    for note in dict.fromkeys(notes or ()):
        warnings.warn(note, LomaWarning, stacklevel=3)


def _class_folders(
    cfg: Config, present: list[tuple[BaseDataset, str]]
) -> Iterator[tuple[BaseDataset, str]]:
    """The datasets of a run, and those of other splits that are on disk."""
    places = {place for _, place in present}
    for dataset, place in _datasets(cfg, SPLITS, pipeline=[]):
        if place not in places and _missing_paths(dataset, place):
            continue
        yield dataset, place


def missing_data(cfg: Config, splits: Sequence[str]) -> tuple[list[str], str]:
    """Which files and folders of a config's datasets are not on disk.

    Nothing is downloaded.

    Args:
        cfg (Config): The config.
        splits (Sequence[str]): Which of 'train', 'val' and 'test'.

    Returns:
        tuple[list[str], str]: Absolute paths, and where the data comes from.
    """
    paths: list[str] = []
    for dataset, place in _datasets(cfg, splits):
        paths += _missing_paths(dataset, place)
        if getattr(dataset, 'download', False):
            # CIFAR, which fetches itself.
            folder = osp.join(dataset.data_prefix['root'], dataset.base_folder)
            paths += [] if osp.exists(folder) else [folder]
    return list(dict.fromkeys(map(osp.abspath, paths))), cfg.get('data_help', HELP)


def _datasets(
    cfg: Config, splits: Sequence[str], **changed: object
) -> Iterator[tuple[BaseDataset, str]]:
    """The datasets of a config and their places; none of them reads its data."""
    scope = cfg.get('default_scope', 'mmengine')
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        for place, dataset_cfg in dataset_configs(
            loader.dataset, f'{split}_dataloader.dataset'
        ):
            dataset = _build_lazily({**dataset_cfg, **changed}, place, scope)
            if dataset is not None:
                yield dataset, place


def _steps(cfg: Config, place: str) -> list[dict]:
    """The pipelines of a dataset and of what wraps it."""
    node: Any = cfg
    steps: list[dict] = []
    for key in place.split('.'):
        node = node[int(key) if key.isdigit() else key]
        if isinstance(node, dict):
            steps += node.get('pipeline') or []
    return steps


def check_toolbox(scope: str) -> None:
    """Raise a SetupError unless the toolbox of a scope can be imported."""
    if scope not in ('mmdet', 'mmpretrain'):
        return
    try:
        with imports_aside():
            # mmcv's operators, where it has none compiled.
            mmcv_ops = importlib.import_module('loma_mm.mmcv_ops')
            # All of it that prints: later it is imported where it is needed.
            importlib.import_module(f'{scope}.datasets')
            if scope == 'mmdet':
                importlib.import_module('mmcv.ops')
    except ImportError as error:
        raise SetupError(
            f'This config needs {scope}, which cannot be imported: {error}.'
        ) from error
    if scope == 'mmdet' and mmcv_ops.is_active():
        warnings.warn(
            "mmcv's operators come from torchvision (loma_mm.mmcv_ops): the "
            'installed mmcv has none compiled.',
            LomaWarning,
            stacklevel=2,
        )


def _try(check: Callable, *args: Any) -> Any:
    """Run a check; what it did not foresee is a warning, and not the end."""
    try:
        return check(*args)
    except LomaError:
        raise
    except Exception as error:
        where = next((arg for arg in args if isinstance(arg, str)), 'The data')
        warnings.warn(
            f'{where} could not be checked by '
            f'{check.__name__.strip("_")} before the start: '
            f'{type(error).__name__}: {error}',
            LomaWarning,
            stacklevel=2,
        )
        return None


def _build_lazily(cfg: dict, place: str, scope: str) -> BaseDataset | None:
    """Build a dataset with its pipeline, without reading any data."""
    with imports_aside(), DATASETS.switch_scope_and_registry(scope) as registry:
        dataset_type = cfg['type']
        if isinstance(dataset_type, str):
            dataset_type = registry.get(dataset_type)
        if not (
            isinstance(dataset_type, type) and issubclass(dataset_type, BaseDataset)
        ):
            return None
        try:
            return registry.build(dict(cfg, lazy_init=True))
        except (KeyError, TypeError, ValueError) as error:
            message = str(error.args[0] if error.args else error)
            if 'lazy_init' in message:
                # A user's own dataset that takes no such argument.
                return None
            raise ConfigError(f'{place} cannot be built: {message}') from error


def _missing_paths(dataset: BaseDataset, place: str) -> list[str]:
    if getattr(dataset, 'download', False) or getattr(dataset, 'backend_args', None):
        return []
    paths = [dataset.ann_file, *dataset.data_prefix.values()]
    if is_voc(dataset):
        paths += [
            osp.join(dataset.sub_data_root, folder)
            for folder in (dataset.img_subdir, dataset.ann_subdir)
        ]
    missing = [
        path
        for path in paths
        if isinstance(path, str) and path and '://' not in path and not osp.exists(path)
    ]
    # A missing folder says enough of the folders inside it.
    return [
        path
        for path in missing
        if path == dataset.ann_file or osp.dirname(path) not in missing
    ]


def _download(dataset: BaseDataset, place: str, hint: str) -> None:
    """Let a dataset that fetches itself, as CIFAR does, do so now.

    Only one process does; the others wait where they meet first.
    """
    if not getattr(dataset, 'download', False) or os.environ.get('RANK', '0') != '0':
        return
    try:
        dataset.full_init()
    except Exception as error:
        folder = next(iter(dataset.data_prefix.values()), None) or dataset.data_root
        raise DataError(
            f'The dataset of {place} ({type(dataset).__name__}) is neither in '
            f'{osp.abspath(folder)} nor could it be downloaded '
            f'({type(error).__name__}: {error}): {hint}.'
        ) from error


def _check_num_classes(dataset: BaseDataset, place: str, model: dict) -> None:
    """A label beyond the outputs of the head fails deep inside the loss."""
    needed = 0
    if getattr(dataset, 'with_label', False) and dataset.ann_file:
        needed = 1 + max(
            (label for _, label in read_list(dataset.ann_file)), default=-1
        )
    elif hasattr(dataset, 'class_names'):
        needed = len(dataset.class_names())
    elif getattr(dataset, 'with_label', False):
        needed = sum(entry.is_dir() for entry in os.scandir(dataset.img_prefix))
    needed = max(needed, len(dataset.metainfo.get('classes') or ()))
    head = head_outputs(model)
    if head is not None and head[1] < needed:
        raise ConfigError(
            f'{place} has {needed} classes and the model tells {head[1]} '
            f'apart: give --cfg-options model.{head[0]}={needed}.'
        )
