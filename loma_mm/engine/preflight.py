"""What can be known to fail is said before work starts, in one sentence."""

import importlib
import os
import os.path as osp
from collections.abc import Iterator, Sequence
from itertools import islice
from xml.etree import ElementTree

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.fileio import list_from_file
from mmengine.registry import DATASETS

# Enough to see every class of a dataset that has the wrong ones.
ANNOTATIONS_READ = 200


def check_before_start(cfg: Config, splits: Sequence[str]) -> None:
    """Check what a run needs: the toolbox, its operators, the datasets.

    Args:
        cfg (Config): The config to run.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' the run
            will read.

    Raises:
        SystemExit: With one sentence that says what is missing and how to
            get it.
    """
    scope = cfg.get('default_scope', 'mmengine')
    _check_toolbox(scope)
    missing = []
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        if loader is None:
            continue
        for place, dataset_cfg in _leaves(
            loader.dataset, f'{split}_dataloader.dataset'
        ):
            dataset = _build_lazily(dataset_cfg, place, scope)
            if dataset is None:
                continue
            absent = _missing_paths(dataset)
            missing += [path for path in absent if path not in missing]
            if not absent:
                _check_voc_classes(dataset, place)
                _check_num_classes(dataset, place, cfg.model)
    if missing:
        hint = cfg.get(
            'data_help',
            'put it there, or point the data_root '
            'of the datasets elsewhere with --cfg-options',
        )
        raise SystemExit(
            'The dataset of this config is not on disk, missing '
            f'{", ".join(map(osp.abspath, missing))}: {hint}.'
        )


def _check_toolbox(scope: str) -> None:
    if scope not in ('mmdet', 'mmpretrain'):
        return
    try:
        # mmcv's operators, where it has none compiled.
        importlib.import_module('loma_mm.mmcv_ops')
        importlib.import_module(scope)
        if scope == 'mmdet':
            importlib.import_module('mmcv.ops')
    except ImportError as error:
        if 'mmcv._ext' in str(error):
            raise SystemExit(
                'The installed mmcv has no compiled operators, which '
                'detectors need: install the full mmcv for this PyTorch '
                '(README, Install), not mmcv-lite.'
            ) from error
        raise SystemExit(
            f'This config needs {scope}, which cannot be imported: {error}.'
        ) from error


def _leaves(cfg: dict, place: str) -> Iterator[tuple[str, dict]]:
    """The datasets inside wrappers such as Repeat- or ConcatDataset."""
    if 'dataset' in cfg:
        yield from _leaves(cfg['dataset'], f'{place}.dataset')
    elif 'datasets' in cfg:
        for i, part in enumerate(cfg['datasets']):
            yield from _leaves(part, f'{place}.datasets.{i}')
    else:
        yield place, cfg


def _build_lazily(cfg: dict, place: str, scope: str):
    """Build a dataset with its pipeline, without reading any data."""
    with DATASETS.switch_scope_and_registry(scope) as registry:
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
            raise SystemExit(f'{place} cannot be built: {message}') from error


def _missing_paths(dataset: BaseDataset) -> list:
    if getattr(dataset, 'download', False) or getattr(dataset, 'backend_args', None):
        return []
    paths = [dataset.ann_file, *dataset.data_prefix.values()]
    if hasattr(dataset, 'ann_subdir'):
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


def _check_num_classes(dataset: BaseDataset, place: str, model: dict) -> None:
    """A label beyond the outputs of the head fails deep inside the loss."""
    if hasattr(dataset, 'ann_subdir'):
        count = len(dataset.metainfo['classes'])
    elif not dataset.ann_file and osp.isdir(getattr(dataset, 'img_prefix', None) or ''):
        count = sum(entry.is_dir() for entry in os.scandir(dataset.img_prefix))
    else:
        return
    for key in ('head', 'roi_head.bbox_head', 'bbox_head'):
        head = model
        for part in key.split('.'):
            head = head.get(part) if isinstance(head, dict) else None
        outputs = head.get('num_classes') if isinstance(head, dict) else None
        if outputs is not None and outputs < count:
            raise SystemExit(
                f'{place} has {count} classes and the model tells {outputs} '
                f'apart: give --cfg-options model.{key}.num_classes={count}.'
            )


def _check_voc_classes(dataset: BaseDataset, place: str) -> None:
    """VOC-format datasets skip unknown names silently: say if all are."""
    if not hasattr(dataset, 'ann_subdir') or getattr(dataset, 'backend_args', None):
        return
    folder = osp.join(dataset.sub_data_root, dataset.ann_subdir)
    found = set()
    for name in islice(list_from_file(dataset.ann_file), ANNOTATIONS_READ):
        path = osp.join(folder, f'{name}.xml')
        if not osp.isfile(path):
            raise SystemExit(
                f'{dataset.ann_file} lists {name}, but there is '
                f'no {path}: complete the dataset or mend the '
                'list.'
            )
        found.update(
            node.text for node in ElementTree.parse(path).iterfind('object/name')
        )
    classes = dataset.metainfo['classes']
    if found and not found.intersection(classes):
        raise SystemExit(
            f'{place} knows the classes {", ".join(classes)}, but the '
            f'annotations in {folder} name {", ".join(sorted(found))}: give '
            'the names with --cfg-options classes="[...]".'
        )
