"""The configs that the package ships, and how they are found by name."""

import difflib
import os.path as osp
from pathlib import Path

from loma_mm.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent.parent


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


def shipped_configs() -> list[str]:
    """Every shipped config that can be run, relative to the folder."""
    folder = configs_folder()
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob('*/*.py')
        if path.parent.name != '_base_'
    )


def find_config(name: str) -> str:
    """The path of a config: a file, or a shipped one by its name.

    Args:
        name (str): A path; or what follows ``configs/`` in that of a shipped
            config, or the file's name alone, each with or without ``.py``.

    Raises:
        ConfigError: If there is no such config, with the nearest names.
    """
    if osp.isfile(name):
        return name
    folder = configs_folder()
    wanted = name.removeprefix('configs/').removesuffix('.py')
    by_name = {
        key: config
        for config in shipped_configs()
        for key in (Path(config).stem, config.removesuffix('.py'))
    }
    if wanted in by_name:
        return str(folder / by_name[wanted])
    near = difflib.get_close_matches(osp.basename(wanted), by_name, n=3)
    raise ConfigError(
        f'There is no config file {name} and no shipped config of that name'
        + (f': did you mean {", ".join(near)}?' if near else '.')
        + ' python -m loma_mm configs lists them.'
    )
