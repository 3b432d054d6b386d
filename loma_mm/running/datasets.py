"""The datasets of a config, inside whatever wraps them."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

SPLITS = ('train', 'val', 'test')


def dataset_configs(cfg: dict, place: str = '') -> Iterator[tuple[str, dict]]:
    """The datasets inside wrappers such as Repeat- or ConcatDataset.

    Args:
        cfg (dict): The config of a dataset.
        place (str): Its dotted key, with which those of the parts begin.

    Yields:
        tuple[str, dict]: The dotted key and config of each.
    """
    if isinstance(cfg.get('dataset'), dict):
        yield from dataset_configs(cfg['dataset'], f'{place}.dataset')
    elif isinstance(cfg.get('datasets'), (list, tuple)):
        for i, part in enumerate(cfg['datasets']):
            yield from dataset_configs(part, f'{place}.datasets.{i}')
    else:
        yield place, cfg


def datasets_inside(dataset: Any) -> Iterator[Any]:
    """The same of a dataset that is built."""
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from datasets_inside(part)
    elif hasattr(dataset, 'dataset'):
        yield from datasets_inside(dataset.dataset)
    else:
        yield dataset


def dataloaders(cfg: Config) -> dict[str, dict]:
    """The dataloaders that a config has, by split."""
    return {
        split: cfg[f'{split}_dataloader']
        for split in SPLITS
        if cfg.get(f'{split}_dataloader') is not None
    }
