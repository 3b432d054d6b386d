"""Config files as the command line sees them."""

import importlib
from contextlib import suppress

from mmengine.config import Config

from .class_folders import number_alike
from .configs import find_config, shipped_bases
from .console import imports_aside
from .datasets import dataloaders
from .knobs import name_classes, turn_knobs
from .lenient import read_leniently
from .unread import check_read


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config and apply ``--cfg-options`` to it.

    What a config says once, in top-level variables such as ``data_root``,
    ``classes`` or ``max_epochs``, an option changes in every place that it
    means: see :func:`loma_mm.running.knobs.turn_knobs`.

    It may inherit a shipped config, ``_base_ = 'loma_mm::...'``.

    The toolboxes' readers of XML and of lists give way to ours, see
    :func:`loma_mm.running.lenient.read_leniently`.

    For mmpretrain, the dataloaders get the defaults that its own tools set, and
    datasets of image folders number the classes of all splits alike.

    Args:
        path (str): A config file, or the name of a shipped one.
        options (dict, optional): Dotted keys and their new values.

    Raises:
        ConfigError: If there is no such config, or nothing reads an option.
    """
    # Before anything imports a toolbox, which looks for mmcv's operators once.
    # Without mmcv the checks before the start say so.
    with suppress(ImportError), imports_aside():
        importlib.import_module('loma_mm.mmcv_ops')
    with shipped_bases():
        cfg = Config.fromfile(find_config(path))
    given, options = dict(options or {}), dict(options or {})
    check_read(cfg, given, turn_knobs(cfg, options))
    # Last, so that an option given in full wins.
    cfg.merge_from_dict(options)
    if cfg.get('default_scope') == 'mmpretrain':
        for loader in dataloaders(cfg).values():
            loader.setdefault('pin_memory', True)
            loader.setdefault('persistent_workers', loader.get('num_workers', 0) > 0)
            loader.setdefault('collate_fn', dict(type='default_collate'))
    name_classes(cfg)
    number_alike(cfg)
    read_leniently(cfg)
    return cfg
