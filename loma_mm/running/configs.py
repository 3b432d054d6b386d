"""The configs that the package ships, and how they are found by name."""

import difflib
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from loma_mm.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent
# As MMEngine names a config of another package.
PREFIX = 'loma_mm::'


def configs_folder() -> Path:
    """The folder of the shipped configs.

    ``loma_mm/.mim/configs`` in an installed package, as OpenMMLab's packages
    have it; the configs of the clone in one that is not built.

    Raises:
        ConfigError: If the package was installed without them.
    """
    for folder in (PACKAGE / '.mim' / 'configs', PACKAGE.parent / 'configs'):
        if (folder / 'paper_results.csv').is_file():
            return folder
    raise ConfigError(
        f'loma_mm in {PACKAGE} has no configs: install it again from a wheel '
        'or a clone (pip install --force-reinstall --no-deps).'
    )


def shipped_configs(folder: Path | None = None) -> list[str]:
    """Every config that can be run in a folder, by default the shipped ones.

    Returns:
        list[str]: Paths relative to the folder.
    """
    folder = folder or configs_folder()
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob('*/*.py')
        if path.parent.name != '_base_'
    )


def find_config(name: str) -> str:
    """The path of a config: a file, or a shipped one by its name.

    Args:
        name (str): A path, or a name as :func:`config_path` takes it.

    Raises:
        ConfigError: If there is no such config, with the nearest names.
    """
    return name if osp.isfile(name) else config_path(name)


def config_path(name: str) -> str:
    """The path of a shipped config, for the ``_base_`` of a config elsewhere.

    Args:
        name (str): What follows ``configs/`` in its path, or, of one that can
            be run, the file's name alone; each with or without ``.py`` and
            ``loma_mm::`` in front.

    Raises:
        ConfigError: If there is no such config, with the nearest names.

    Example:
        >>> _base_ = config_path('_base_/transforms/loma_voc.py')
    """
    folder = configs_folder()
    wanted = name.removeprefix(PREFIX).removeprefix('configs/').removesuffix('.py')
    by_name = {
        key: config
        for config in shipped_configs()
        for key in (Path(config).stem, config.removesuffix('.py'))
    }
    # What is only there to be inherited has no name of its own.
    path = folder / by_name.get(wanted, f'{wanted}.py')
    if path.is_file():
        return str(path)
    near = difflib.get_close_matches(osp.basename(wanted), by_name, n=3)
    raise ConfigError(
        f'There is no config file {name} and no shipped config of that name'
        + (f': did you mean {", ".join(near)}?' if near else '.')
        + ' python -m loma_mm configs lists them.'
    )


@contextmanager
def shipped_bases() -> Iterator[None]:
    """Let MMEngine read ``_base_ = 'loma_mm::...'`` as it reads ``'mmdet::...'``.

    By itself it refuses packages that it does not know, and would take the
    name of one that it knows for the scope of all registries, which is right
    for a toolbox and not for a plugin of two of them. Where this is not in
    force, as under a toolbox's own tools, :func:`config_path` serves.
    """
    find = Config._get_cfg_path

    def find_here(path: str, filename: str) -> tuple[str, str | None]:
        if path.startswith(PREFIX):
            return config_path(path), None
        return find(path, filename)

    Config._get_cfg_path = staticmethod(find_here)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(find)
