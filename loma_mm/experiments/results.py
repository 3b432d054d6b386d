"""The one store of results, and their conversion to percent."""

import csv
import os
import os.path as osp
import re
from typing import NamedTuple

from filelock import FileLock

from loma_mm.errors import ResultsError
from loma_mm.files import whole_file

FIELDS = ('name', 'config', 'seed', 'metric', 'value')
# One more column, where no seed tells results of one name apart.
SOURCE = 'source'

# What a run is filed with beside the metrics of its last validation.
LOSS = 'loss'

# What the axis of a plot says, by how OpenMMLab names the metric; others say their
# names.
LABELS = {
    'accuracy/top1': 'Test accuracy (%)',
    'pascal_voc/mAP': 'mAP (%)',
    'coco/bbox_mAP': 'Box mAP (%)',
}


def to_percent(metric: str, value: float) -> float:
    """A value as MMPretrain or MMDetection gives it, in percent.

    mmpretrain's accuracies and precisions are percent already, mmdet's average
    precisions are in [0, 1]. Other metrics stay as they are.
    """
    in_percent = metric.startswith(('multi-label/', 'retrieval/'))
    is_part = re.search('[/_](mAP|AP)', metric) and not in_percent
    return value * 100 if is_part else value


class Key(NamedTuple):
    """What a result is of.

    Args:
        name (str): What it is filed under; slashes make folders.
        seed (int | None): Of the training run, if it has one.
        source (str): What else tells results of one name apart: the path of
            the checkpoint that was tested, or of the work dir of a run
            without a seed. Defaults to none.
    """

    name: str
    seed: int | None
    source: str = ''


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

    def read(self) -> dict[tuple[Key, str], Result]:
        """The results by what they are of and metric, in the file's order.

        Raises:
            ResultsError: If the file is none of these.
        """
        if not osp.exists(self.path):
            return {}
        try:
            with open(self.path, encoding='utf-8', newline='') as file:
                rows = csv.DictReader(file)
                # Of a file without rows, which would be written over.
                if not set(FIELDS) <= set(rows.fieldnames or FIELDS):
                    raise ValueError('other columns')
                return {
                    (
                        Key(
                            row['name'],
                            int(row['seed']) if row['seed'] else None,
                            row.get(SOURCE) or '',
                        ),
                        row['metric'],
                    ): Result(row['config'], float(row['value']))
                    for row in rows
                }
        except (KeyError, TypeError, ValueError, OSError, csv.Error) as error:
            raise ResultsError(
                f'{self.path} is not a table of results with the columns '
                f'{", ".join(FIELDS)}: name another file.'
            ) from error

    def add(self, key: Key, config: str, metrics: dict[str, float]) -> None:
        """Add the metrics of a run or checkpoint, or replace those given.

        Of a run, whose metrics belong together, the old ones go.
        """
        os.makedirs(osp.dirname(self.path) or '.', exist_ok=True)
        # A file of its own, as the table is replaced.
        with FileLock(f'{self.path}.lock'):
            old = self.read()
            if not key.source:
                old = {place: kept for place, kept in old.items() if place[0] != key}
            for metric, value in metrics.items():
                old[key, metric] = Result(config, value)
            self._write(old)

    def _write(self, results: dict[tuple[Key, str], Result]) -> None:
        sources = any(key.source for key, _ in results)

        def order(item: tuple[tuple[Key, str], Result]) -> tuple:
            (key, metric), _ = item
            return key.name, key.seed is not None, key.seed, key.source, metric

        with (
            whole_file(self.path) as part,
            open(part, 'w', encoding='utf-8', newline='') as file,
        ):
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow((*FIELDS, SOURCE) if sources else FIELDS)
            # What is measured of checkpoints keeps the order of its plot.
            items = list(results.items())
            for (key, metric), result in items if sources else sorted(items, key=order):
                seed = '' if key.seed is None else key.seed
                row = [key.name, result.config, seed, metric, f'{result.value:.6g}']
                writer.writerow([*row, key.source] if sources else row)

    def has(self, key: Key, config: str) -> bool:
        """Whether there is a result of this.

        Raises:
            ResultsError: If another config has been run under its name.
        """
        configs = {
            result.config for (one, _), result in self.read().items() if one == key
        }
        if configs - {config}:
            raise ResultsError(
                f'{self.path} has results of {configs.pop()} for {key.name}, seed '
                f'{key.seed}, which is to be {config} now: give another --work-dir '
                'and --csv.'
            )
        return bool(configs)

    def values(self, name: str, metric: str) -> dict[int | None, float]:
        """The values of one metric by seed, in percent, in the order of seeds."""
        found = [
            (key.seed, to_percent(metric, result.value))
            for (key, one), result in self.read().items()
            if (key.name, one) == (name, metric) and not key.source
        ]
        return dict(sorted(found, key=lambda pair: (pair[0] is not None, pair[0])))

    def runs(self, name: str) -> list[dict[str, float]]:
        """The metrics of each run filed under a name, as they were measured."""
        found: dict[Key, dict[str, float]] = {}
        for (key, metric), result in self.read().items():
            if key.name == name:
                found.setdefault(key, {})[metric] = result.value
        return list(found.values())
