"""Many training runs, each in a process of its own."""

import os
import os.path as osp
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.utils import ProgressBar

from loma_mm.errors import BusyError, LomaWarning, ResultsError
from loma_mm.running import load_config
from loma_mm.running.console import terminal
from loma_mm.running.options import parse_options
from loma_mm.running.work_dir import is_locked

from .results import Key, Results
from .work_dirs import difference, dumped_config, final_metrics, settings_of

# A run is started as a module: it needs no script to lie anywhere.
TRAIN = ('-m', 'loma_mm', 'train')
# More GPUs may go on with smaller shares of the same batch.
SHARED = ('train_dataloader.batch_size',)


@dataclass(frozen=True)
class Run:
    """One training run, in ``root/name/seedN``.

    Args:
        name (str): What results are filed under; slashes make folders.
        config (str): Path of the config, or a shipped one's name.
        seed (int): ``randomness.seed`` of the run.
        root (str): Folder of all runs.
        options (tuple[str, ...]): ``--cfg-options``, each 'key=value'.
    """

    name: str
    config: str
    seed: int
    root: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'{self.name}, seed {self.seed}'

    @property
    def key(self) -> Key:
        """What its results are filed under."""
        return Key(self.name, self.seed)

    @property
    def work_dir(self) -> str:
        """Where it trains."""
        return osp.join(self.root, self.name, f'seed{self.seed}')

    @property
    def log(self) -> str:
        """What it prints goes here."""
        return f'{self.work_dir}.log'

    @property
    def config_name(self) -> str:
        """The name of its config, without folder and suffix."""
        return Path(self.config).stem

    @property
    def arguments(self) -> list[str]:
        """What the train command gets after the config and the work dir."""
        return [
            '--resume',
            '--cfg-options',
            *self.options,
            f'randomness.seed={self.seed}',
        ]


def require_same_settings(runs: Sequence[Run], are_trained: bool) -> None:
    """Raise an error if a work dir is of another training than its run.

    Such as one of fewer epochs, to try: its result would be taken for the run's.

    Args:
        runs (Sequence[Run]): The runs.
        are_trained (bool): Whether they are to be trained now; else this is a
            warning.

    Raises:
        ResultsError: With the setting.
    """
    wanted: dict[tuple, dict[str, Any]] = {}
    for run in runs:
        starts = sorted(Path(run.work_dir).glob('*/vis_data/config.py'))
        # What failed before it had trained anything leaves nothing to mix up.
        if not starts or not any(Path(run.work_dir).glob('*.pth')):
            continue
        what = run.config, run.options
        if what not in wanted:
            cfg = load_config(run.config, parse_options(run.options))
            wanted[what] = settings_of(cfg, SHARED)
        trained = settings_of(dumped_config(starts[-1].parent), SHARED)
        if key := difference(trained, wanted[what]):
            error = ResultsError(
                f'{run.work_dir} was trained with another {key}: give the same '
                '--cfg-options, or another --work-dir (and --csv, if you name one).'
            )
            if are_trained:
                raise error
            warnings.warn(str(error), LomaWarning, stacklevel=2)
            return


def collect(runs: Sequence[Run], results: Results) -> list[Run]:
    """File the results of runs that are finished.

    Returns:
        list[Run]: The runs that have no result yet.
    """
    pending = []
    for run in runs:
        if results.has(run.key, run.config_name):
            continue
        metrics = final_metrics(run.work_dir)
        if metrics:
            results.add(run.key, run.config_name, metrics)
        else:
            pending.append(run)
    return pending


def run_all(
    runs: Sequence[Run], results: Results, train: Sequence[str] = TRAIN
) -> list[str]:
    """Train one run after another, in processes of their own.

    What is in the results is left out, what was interrupted goes on from its
    last checkpoint, and what fails does not stop the others. Several
    processes may work on the same runs: each run is done by one of them.

    Args:
        runs (Sequence[Run]): The runs.
        results (Results): Where their metrics go, after each run.
        train (Sequence[str]): What Python is given to train a config.

    Returns:
        list[str]: A sentence for each run that has no result.

    Raises:
        KeyboardInterrupt: If interrupted from the keyboard; the sentence
            says where.
    """
    pending = collect(runs, results)
    print(f'{len(pending)} of {len(runs)} runs are to be done.')
    if not pending:
        return []
    problems, failed = [], 0
    bar = ProgressBar(len(pending), file=terminal())
    for run in pending:
        try:
            problem = _train(run, results, train)
        except KeyboardInterrupt:
            print(
                f'\nStopped in {run}: the same command goes on from its last '
                'checkpoint.'
            )
            raise
        if problem:
            problems.append(problem)
            print(f'\n{problem}', flush=True)
            failed += problem != busy(run)
        # What other processes have done counts, what they still do does not: so
        # the time that is left is right for all of them together.
        filed = {key for key, _ in results.read()}
        done = sum(run.key in filed for run in pending) + failed
        if done > bar.completed:
            bar.update(done - bar.completed)
    print()
    return problems


def busy(run: Run) -> str:
    """What is said of a run that another process has."""
    return f'{run} is being done by another process.'


def _train(run: Run, results: Results, train: Sequence[str]) -> str | None:
    """Do a run; if there is no result, say in one sentence why."""
    if is_locked(run.work_dir):
        return busy(run)
    if not collect([run], results):  # done by another since we looked
        return None
    os.makedirs(osp.dirname(run.log), exist_ok=True)
    with open(run.log, 'a', encoding='utf-8') as log:
        words = [*train, run.config, '--work-dir', run.work_dir, *run.arguments]
        # It locks its work dir itself: this process may be killed before it.
        code = subprocess.run(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ).returncode
    # torchrun's exit code is not that of its processes.
    if code == BusyError.exit_code or (code and is_locked(run.work_dir)):
        return busy(run)
    if code:
        return f'{run} failed with exit code {code}: see {run.log}.'
    if collect([run], results):
        return f'{run} ended without a validation of its last epoch: see {run.log}.'
    return None
