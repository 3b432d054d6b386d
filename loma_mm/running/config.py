"""Config files as the command line sees them."""

import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger

from loma_mm.errors import ConfigError, LomaError
from loma_mm.files import FULL

from .class_folders import number_alike
from .configs import find_config, shipped_bases
from .console import aside, imports_aside
from .datasets import dataloaders
from .knobs import name_classes, turn_knobs
from .lenient import read_leniently
from .unread import check_read

# What MMEngine's Runner takes.
KINDS: dict[str, type | tuple[type, ...]] = {
    'default_scope': str,
    'param_scheduler': (dict, list),
    'custom_hooks': list,
    **dict.fromkeys(
        [
            *('model', 'optim_wrapper', 'default_hooks', 'visualizer'),
            *('env_cfg', 'randomness', 'log_processor'),
            *(
                f'{split}_{part}'
                for split in ('train', 'val', 'test')
                for part in ('dataloader', 'cfg')
            ),
        ],
        dict,
    ),
}


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
        ConfigError: If there is no such config, it cannot be read, or nothing
            reads an option.
    """
    # Before anything imports a toolbox, which looks for mmcv's operators once.
    # Without mmcv the checks before the start say so.
    with suppress(ImportError), imports_aside():
        importlib.import_module('loma_mm.mmcv_ops')
    cfg = _read(find_config(path))
    _check_kinds(cfg)
    given, options = dict(options or {}), dict(options or {})
    check_read(cfg, given, turn_knobs(cfg, options))
    # Last, so that an option given in full wins.
    try:
        cfg.merge_from_dict(options)
    except Exception as error:
        raise ConfigError(
            f'--cfg-options do not fit the config {path}: {type(error).__name__}: '
            f'{error}.'
        ) from error
    _check_kinds(cfg)
    if cfg.get('default_scope') == 'mmpretrain':
        for loader in dataloaders(cfg).values():
            loader.setdefault('pin_memory', True)
            loader.setdefault('persistent_workers', loader.get('num_workers', 0) > 0)
            loader.setdefault('collate_fn', dict(type='default_collate'))
    name_classes(cfg)
    read_leniently(cfg)
    number_alike(cfg)
    return cfg


def find_type(node: Any, kind: str, path: str = '') -> Iterator[tuple[str, dict]]:
    """Every config of a type below a node, with its dotted path.

    Args:
        node (Any): A part of a config.
        kind (str): The name of the type, without its package; the config may
            give the type as a class.
        path (str): That of ``node``. Defaults to ''.
    """
    if isinstance(node, dict):
        found = node.get('type', '')
        if getattr(found, '__name__', str(found)).split('.')[-1] == kind:
            yield path, node
        for key, value in node.items():
            yield from find_type(value, kind, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from find_type(value, kind, f'{path}.{i}')


@contextmanager
def building(what: str, logger: MMLogger | None = None) -> Iterator[None]:
    """Say in a sentence that a toolbox cannot build a part of a config.

    Args:
        what (str): The part.
        logger (MMLogger, optional): In whose file the trace is to stand.

    Raises:
        ConfigError: In place of an error of a toolbox.
    """
    try:
        yield
    except LomaError:
        raise
    except Exception as error:
        if getattr(error, 'errno', None) in FULL:
            raise
        text = error.args[0] if isinstance(error, KeyError) else error
        said = f'{type(error).__name__}: {" ".join(str(text).split()).rstrip(".")}'
        if logger is not None:
            aside.info(traceback.format_exc())
            said += f' (the trace is in {logger.log_file})'
        raise ConfigError(f'{what} cannot be built: {said}.') from error


def _check_kinds(cfg: Config) -> None:
    """Raise a ConfigError for a part that is not of the kind that MMEngine takes."""
    parts = {key: (cfg.get(key), kinds) for key, kinds in KINDS.items()}
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if isinstance(loader, dict):
            parts[f'{split}_dataloader.dataset'] = loader.get('dataset'), dict
    for key, (value, kinds) in parts.items():
        if value is not None and not isinstance(value, kinds):
            names = ' or '.join(
                kind.__name__
                for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
            )
            raise ConfigError(
                f'{key} of the config {cfg.filename} must be a {names}, got {value!r}.'
            )


def _read(path: str) -> Config:
    try:
        with shipped_bases():
            return Config.fromfile(path)
    except LomaError:
        raise
    except Exception as error:
        what = ' '.join(str(getattr(error, 'msg', error)).split()).rstrip('.')
        raise ConfigError(
            f'{_where(error, path)} cannot be read as a config: '
            f'{type(error).__name__}: {what}.'
        ) from error


def _where(error: Exception, path: str) -> str:
    """The file, which may be one that is inherited, and the line if there is one."""
    line = getattr(error, 'lineno', None)
    for frame, number in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_name in ('_file2dict', '_parse_lazy_import'):
            path = frame.f_locals['filename']
        elif code.co_name == '<module>' and code.co_filename in ('', path):
            # What the file itself says; MMEngine compiles it without its name.
            line = number
    return f'{path}:{line}' if line else path
