"""Many training runs and one file with their results."""

import csv
import fcntl
import json
import os
import os.path as osp
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.utils import ProgressBar

# What LoggerHook writes beside the metrics of a validation.
NOT_METRICS = ('data_time', 'time', 'step')
# How what we train becomes percent: the axis of a plot, and a factor.
PERCENT = {
    'accuracy/top1': ('Test accuracy (%)', 1),
    'pascal_voc/mAP': ('mAP (%)', 100),
}
FIELDS = ('name', 'config', 'seed', 'metric', 'value')


@dataclass(frozen=True)
class Run:
    """One training run, in ``root/name/seedN``.

    Args:
        name (str): What results are filed under; slashes make folders.
        config (str): Path of the config.
        seed (int): ``randomness.seed`` of the run.
        root (str): Folder of all runs.
        options (Tuple[str]): ``--cfg-options``, each 'key=value'.
    """

    name: str
    config: str
    seed: int
    root: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'{self.name}, seed {self.seed}'

    @property
    def work_dir(self) -> str:
        return osp.join(self.root, self.name, f'seed{self.seed}')

    @property
    def log(self) -> str:
        return f'{self.work_dir}.log'

    @property
    def config_name(self) -> str:
        return Path(self.config).stem

    @property
    def arguments(self) -> list[str]:
        """What a training script gets after the config and the work dir."""
        return [
            '--resume',
            '--cfg-options',
            *self.options,
            f'randomness.seed={self.seed}',
        ]


class Result(NamedTuple):
    """A value and the config it was measured with."""

    config: str
    value: float


class Results:
    """The results of runs, in a CSV file with a line for each value.

    Every method reads the file anew and every line written is there for good:
    results stay when work dirs are deleted, and several processes may add to
    one file.

    Args:
        path (str): The file; it need not exist.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> dict[tuple[str, int, str], Result]:
        """The results by name, seed and metric.

        Raises:
            SystemExit: If the file is none of these.
        """
        if not osp.exists(self.path):
            return {}
        try:
            with open(self.path, encoding='utf-8', newline='') as file:
                return {
                    (row['name'], int(row['seed']), row['metric']): Result(
                        row['config'], float(row['value'])
                    )
                    for row in csv.DictReader(file)
                }
        except (KeyError, TypeError, ValueError) as error:
            raise SystemExit(
                f'{self.path} is not a table of results with the columns '
                f'{", ".join(FIELDS)}: name another file.'
            ) from error

    def add(self, run: Run, metrics: dict[str, float]) -> None:
        """Add the metrics of a run, or replace them."""
        os.makedirs(osp.dirname(self.path) or '.', exist_ok=True)
        # A file of its own, as the table is replaced; and open for writing,
        # without which NFS gives no exclusive lock.
        with open(f'{self.path}.lock', 'a') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = {
                key: result
                for key, result in self.read().items()
                if key[:2] != (run.name, run.seed)
            }
            for metric, value in metrics.items():
                rows[run.name, run.seed, metric] = Result(run.config_name, value)
            self._write(rows)

    def _write(self, rows: dict[tuple[str, int, str], Result]) -> None:
        partial = f'{self.path}.part'
        with open(partial, 'w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow(FIELDS)
            for (name, seed, metric), result in sorted(rows.items()):
                writer.writerow(
                    (name, result.config, seed, metric, f'{result.value:.6g}')
                )
        os.replace(partial, self.path)

    def has(self, run: Run) -> bool:
        """Whether the run is there.

        Raises:
            SystemExit: If another config has been run under its name.
        """
        configs = {
            result.config
            for (name, seed, _), result in self.read().items()
            if (name, seed) == (run.name, run.seed)
        }
        if configs - {run.config_name}:
            raise SystemExit(
                f'{self.path} has results of {configs.pop()} for {run}, which '
                f'is to be {run.config_name} now: give another --work-dir and '
                '--csv.'
            )
        return bool(configs)

    def values(self, name: str, metric: str) -> dict[int, float]:
        """The values of one metric by seed, in the order of seeds."""
        return {
            seed: result.value
            for (one, seed, key), result in sorted(self.read().items())
            if (one, key) == (name, metric)
        }


def final_metrics(work_dir: str) -> dict[str, float] | None:
    """The metrics of the last validation of a training run.

    Read from what MMEngine's LocalVisBackend wrote.

    Args:
        work_dir (str): Work dir of the run.

    Returns:
        dict or None: None if the last epoch (or iteration) has not been
        validated.
    """
    # A folder for every start, named by its time; later ones are resumed.
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        return None
    train_cfg = dumped_config(files[-1].parent).get('train_cfg') or {}
    last = train_cfg.get('max_epochs') or train_cfg.get('max_iters')
    for file in reversed(files):
        for line in reversed(file.read_text(encoding='utf-8').splitlines()):
            try:
                entry = json.loads(line)
            except ValueError:  # the process was killed as it wrote this
                continue
            # Lines of training have the iteration too.
            if 'iter' not in entry and entry.get('step') == last:
                return {
                    key: value for key, value in entry.items() if key not in NOT_METRICS
                }
    return None


def dumped_config(vis_data: Path) -> Config:
    """The config that a run wrote, with all that was set on its command line.

    Args:
        vis_data (Path): Folder ``vis_data`` of the run.
    """
    return Config.fromfile(str(vis_data / 'config.py'), import_custom_modules=False)


def collect(runs: Sequence[Run], results: Results) -> list[Run]:
    """File the results of runs that are finished.

    Returns:
        list[Run]: The runs that have no result yet.
    """
    pending = []
    for run in runs:
        if results.has(run):
            continue
        metrics = final_metrics(run.work_dir)
        if metrics:
            results.add(run, metrics)
        else:
            pending.append(run)
    return pending


def run_all(runs: Sequence[Run], results: Results, script: str) -> list[str]:
    """Train one run after another, in processes of their own.

    What is in the results is left out, what was interrupted goes on from its
    last checkpoint, and what fails does not stop the others. Several
    processes may work on the same runs: each run is done by one of them.

    Args:
        runs (Sequence[Run]): The runs.
        results (Results): Where their metrics go, after each run.
        script (str): Path of ``tools/train.py``.

    Returns:
        list[str]: A sentence for each run that has no result.

    Raises:
        SystemExit: If interrupted from the keyboard.
    """
    pending = collect(runs, results)
    print(f'{len(pending)} of {len(runs)} runs are to be done.')
    if not pending:
        return []
    problems = []
    # Its default is the output at the time that mmengine was imported.
    bar = ProgressBar(len(pending), file=sys.stdout)
    for run in pending:
        try:
            problem = _train(run, results, script)
        except KeyboardInterrupt:
            raise SystemExit(
                f'\nStopped in {run}: the same command goes on from its last '
                'checkpoint.'
            ) from None
        if problem:
            problems.append(problem)
            print(f'\n{problem}', flush=True)
        bar.update()
    print()
    return problems


def _train(run: Run, results: Results, script: str) -> str | None:
    """Do a run; if there is no result, say in one sentence why."""
    os.makedirs(osp.dirname(run.log), exist_ok=True)
    with open(run.log, 'a', encoding='utf-8') as log:
        try:
            # Held by the training process too, which has this file as its
            # output: also after this process was killed and that one not.
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return f'{run} is being done by another process.'
        if not collect([run], results):  # done by another since we looked
            return None
        _forget_lost_checkpoint(run.work_dir)
        code = subprocess.run(
            [
                sys.executable,
                script,
                run.config,
                '--work-dir',
                run.work_dir,
                *run.arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ).returncode
    if code:
        return f'{run} failed with exit code {code}: see {run.log}.'
    if collect([run], results):
        return f'{run} ended without a validation of its last epoch: see {run.log}.'
    return None


def _forget_lost_checkpoint(work_dir: str) -> None:
    """Start anew where the last checkpoint is gone.

    With ``max_keep_ckpts=1`` MMEngine deletes the old one before it has
    written the new one; a run killed between the two could not be resumed.
    """
    pointer = Path(work_dir, 'last_checkpoint')
    if pointer.is_file() and not osp.isfile(pointer.read_text().strip()):
        pointer.unlink()
