"""What work dirs of trainings hold, and which config they are of."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from loma_mm.running import load_config

from .results import LOSS

# What LoggerHook writes beside the metrics of a validation.
NOT_METRICS = ('data_time', 'time', 'step')
# What makes two runs the same experiment. Of a dataloader only this counts.
COMPARED = (
    # First, since schedules follow it.
    'train_cfg',
    'model',
    'data_preprocessor',
    'train_dataloader.batch_size',
    'train_dataloader.dataset',
    'val_dataloader.dataset',
    'val_evaluator',
    'optim_wrapper',
    'param_scheduler',
)
# Where data is, and how often a run is validated before its end.
IGNORED = ('data_root', 'val_interval', 'val_begin', 'val_evaluator.type')


def final_metrics(work_dir: str) -> dict[str, float] | None:
    """The metrics of the last validation of a training run, and its loss.

    Read from what MMEngine's LocalVisBackend wrote.

    Args:
        work_dir (str): Work dir of the run.

    Returns:
        dict or None: ``loss`` is that of training as it was logged last
        (MMEngine's mean over ten iterations). None if the last epoch (or
        iteration) has not been validated.
    """
    # A folder for every start, named by its time; later ones are resumed.
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        return None
    train_cfg = dumped_config(files[-1].parent).get('train_cfg') or {}
    last = train_cfg.get('max_epochs') or train_cfg.get('max_iters')
    metrics: dict[str, float] = {}
    for file in reversed(files):
        for line in reversed(file.read_text(encoding='utf-8').splitlines()):
            try:
                entry = json.loads(line)
            except ValueError:  # the process was killed as it wrote this
                continue
            # Lines of training have the iteration too, those of other hooks no time.
            if 'iter' in entry:
                if metrics and LOSS in entry:
                    return {**metrics, LOSS: entry[LOSS]}
            elif not metrics and 'time' in entry and entry.get('step') == last:
                metrics = {
                    key: value for key, value in entry.items() if key not in NOT_METRICS
                }
    return metrics or None


def dumped_config(vis_data: Path) -> Config:
    """The config that a run wrote, with all that was set on its command line.

    Args:
        vis_data (Path): Folder ``vis_data`` of the run.
    """
    return Config.fromfile(str(vis_data / 'config.py'), import_custom_modules=False)


class WorkDir(NamedTuple):
    """A work dir; it has metrics if its run is finished."""

    path: str
    config: str
    seed: int | None
    settings: dict[str, Any]
    metrics: dict[str, float] | None


def read_work_dirs(folders: Sequence[str], ignore: Sequence[str]) -> list[WorkDir]:
    """The work dirs of training runs below some folders, latest first.

    Args:
        folders (Sequence[str]): Searched at any depth.
        ignore (Sequence[str]): See :class:`ConfigFinder`.
    """
    starts: dict[Path, Path] = {}
    # One folder for each start of a run, named by its time.
    for folder in folders:
        for file in sorted(Path(folder).rglob('vis_data/scalars.json')):
            starts[file.parents[2]] = file.parent
    work_dirs = []
    for path, vis_data in sorted(
        starts.items(), key=lambda item: item[1].parent.name, reverse=True
    ):
        cfg = dumped_config(vis_data)
        work_dirs.append(
            WorkDir(
                str(path),
                config_name(path, vis_data),
                (cfg.get('randomness') or {}).get('seed'),
                settings_of(cfg, ignore),
                final_metrics(str(path)),
            )
        )
    return work_dirs


def config_name(work_dir: Path, vis_data: Path) -> str:
    """The config of a run: MMEngine puts a copy under its name there."""
    text = (vis_data / 'config.py').read_text(encoding='utf-8')
    for path in sorted(work_dir.glob('*.py')):
        if path.read_text(encoding='utf-8') == text:
            return path.stem
    return ''


def settings_of(cfg: Config, ignore: Sequence[str] = ()) -> dict[str, Any]:
    """The settings of a config that a result depends on, by dotted key."""
    found: dict[str, Any] = {}
    for key in COMPARED:
        node: Any = cfg
        for part in key.split('.'):
            node = (node or {}).get(part)
        found.update(_flatten(node, key, (*IGNORED, *ignore)))
    return found


def _flatten(node: Any, path: str, ignore: Sequence[str]) -> Iterator[tuple[str, Any]]:
    name = path.rpartition('.')[2]
    if any(item in (path, name) for item in ignore):
        return
    if isinstance(node, dict):
        items: Iterable[tuple] = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        yield path, node
        return
    for key, value in items:
        yield from _flatten(value, f'{path}.{key}', ignore)


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> str | None:
    """The first of some :func:`settings_of` that is not as in others."""
    for key in {**ours, **theirs}:
        if (key in ours) != (key in theirs) or not _same(
            ours.get(key), theirs.get(key)
        ):
            return key
    return None


class ConfigFinder:
    """Tells which of some configs a run was trained with.

    Their settings are compared, those of its command line included: only
    what no result depends on may differ.

    Args:
        folder (Path): Where the configs are.
        configs (Iterable[str]): Their paths in it.
        ignore (Sequence[str]): Settings that may differ too: dotted keys, or
            names wherever they occur.
    """

    def __init__(
        self, folder: Path, configs: Iterable[str], ignore: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.configs = sorted(set(configs))
        self.ignore = ignore
        self._settings: dict[str, dict[str, Any]] = {}

    def find(self, run: WorkDir) -> str:
        """The config whose settings the run has.

        That of its name, or another one beside it: a run of a sweep
        has the name of the config that it varies.

        Raises:
            LookupError: If there is none, with the reason.
        """
        named = [config for config in self.configs if Path(config).stem == run.config]
        if not named:
            raise LookupError('none of the configs that are looked for')
        folders = {Path(config).parent for config in named}
        beside = [config for config in self.configs if Path(config).parent in folders]
        for config in named + beside:
            if self._difference(run, config) is None:
                return config
        raise LookupError(f'{self._difference(run, named[0])} is not as in {named[0]}')

    def _difference(self, run: WorkDir, config: str) -> str | None:
        """The first setting that differs."""
        if config not in self._settings:
            self._settings[config] = settings_of(
                load_config(str(self.folder / config)), self.ignore
            )
        return difference(run.settings, self._settings[config])

    def assign(
        self, work_dirs: Iterable[WorkDir]
    ) -> tuple[dict[str, list[WorkDir]], list[str]]:
        """Find the runs of each config.

        Returns:
            tuple: The finished runs by config, one for each seed; and a
            sentence for each work dir that is left out.
        """
        found: dict[str, list[WorkDir]] = {}
        left_out = []
        for run in work_dirs:
            try:
                config = self.find(run)
            except LookupError as reason:
                left_out.append(f'{run.path}: {reason}.')
                continue
            twins = [
                other.path
                for other in found.get(config, [])
                if run.seed is not None and other.seed == run.seed
            ]
            if run.metrics is None:
                left_out.append(f'{run.path}: its last epoch has not been validated.')
            elif twins:
                left_out.append(f'{run.path}: the same seed as {twins[0]}.')
            else:
                found.setdefault(config, []).append(run)
        return found, left_out


def _same(a: Any, b: Any) -> bool:
    """Equal, or (as classes and their names are) written alike."""
    return a == b or str(a) == str(b)
