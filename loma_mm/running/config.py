"""Config files as the command line sees them."""

from typing import Any

from mmengine.config import Config

from .configs import find_config, shipped_bases
from .datasets import dataloaders


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config and apply ``--cfg-options`` to it.

    A config that names its dataset once, in top-level variables
    ``data_root`` and ``classes``, has these carried on when an option changes
    them: ``data_root`` to every dataset that had the old one, ``classes`` to
    every dataset's ``metainfo``, and their number to every ``num_classes`` of
    the model that counted the old ones. (mmengine itself changes the variable
    alone.)

    It may inherit a shipped config, ``_base_ = 'loma_mm::...'``.

    For mmpretrain, the dataloaders get the defaults that its own tools set.

    Args:
        path (str): A config file, or the name of a shipped one.
        options (dict, optional): Dotted keys and their new values.

    Raises:
        ConfigError: If there is no such config.
    """
    with shipped_bases():
        cfg = Config.fromfile(find_config(path))
    options = dict(options or {})
    old_root, old_classes = cfg.get('data_root'), cfg.get('classes')
    if old_classes is not None and isinstance(options.get('classes'), str):
        # A single class arrives from the command line as a bare word.
        options['classes'] = [options['classes']]
    if old_root is not None and 'data_root' in options:
        for loader in dataloaders(cfg).values():
            _replace(loader, 'data_root', old_root, options['data_root'])
    if old_classes is not None and 'classes' in options:
        classes = tuple(map(str, options['classes']))
        options['classes'] = classes
        for loader in dataloaders(cfg).values():
            _replace(loader, 'classes', old_classes, classes)
        _replace(cfg.model, 'num_classes', len(old_classes), len(classes))
    # Last, so that an option given in full wins.
    cfg.merge_from_dict(options)
    if cfg.get('default_scope') == 'mmpretrain':
        for loader in dataloaders(cfg).values():
            loader.setdefault('pin_memory', True)
            loader.setdefault('persistent_workers', loader.get('num_workers', 0) > 0)
            loader.setdefault('collate_fn', dict(type='default_collate'))
    return cfg


def _replace(node: Any, key: str, old: Any, new: Any) -> None:
    """Set ``key`` to ``new`` wherever below ``node`` it equals ``old``."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and _same(value, old):
                node[name] = new
            else:
                _replace(value, key, old, new)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _replace(value, key, old, new)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return a == b
