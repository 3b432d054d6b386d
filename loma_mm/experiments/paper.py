"""The paper's results, as configs/paper_results.csv holds them."""

import csv
from pathlib import Path
from typing import NamedTuple

from loma_mm.errors import ResultsError

from .results import to_percent


class Part(NamedTuple):
    """A table or figure.

    Args:
        heading (str): What it is about.
        unit (str): What its numbers are.
        note (str): What a reader should know.
        metrics (Tuple[str]): Our names of its numbers, in their order.
        complement (bool): Whether the paper has 100 minus our value.
    """

    heading: str
    unit: str
    note: str = ''
    metrics: tuple[str, ...] = ('accuracy/top1',)
    complement: bool = False

    def convert(self, metric: str, value: float) -> float:
        """A value that we measured in the paper's unit."""
        percent = to_percent(metric, value)
        return 100 - percent if self.complement else percent


# The parts of paper_results.csv in the order of the index.
PARTS: dict[str, Part] = {
    'Table 1': Part(
        'Table 1: CIFAR-10 and CIFAR-100',
        'Accuracy (%)',
        'A dash: the paper has no number.',
    ),
    'Table 2': Part(
        'Table 2: ResNet-50 on ImageNet',
        'Error, top-1 / top-5 (%)',
        metrics=('accuracy/top1', 'accuracy/top5'),
        complement=True,
    ),
    'Table 3': Part(
        'Table 3: the block l of LOMA_F and FO, WRN-28-10 on CIFAR-100',
        'Error (%)',
        complement=True,
    ),
    'Table 4': Part(
        'Table 4: the probability p_f of LOMA_F and FO, WRN-28-10 on CIFAR-100',
        'Error (%)',
        complement=True,
    ),
    'Table 5': Part('Table 5: the components, WRN-28-10 on CIFAR-100', 'Accuracy (%)'),
    'Table 6': Part(
        'Table 6: with and without random crop (RC) and flip (RF), ResNet-18 '
        'on CIFAR-10',
        'Accuracy (%)',
        'The paper states no schedule for ResNet-18: these take that of ResNet-20.',
    ),
    'Table 7': Part(
        'Table 7: Faster R-CNN on VOC 2007 test',
        'mAP (%)',
        metrics=('pascal_voc/mAP',),
    ),
    'Figure 6': Part(
        'Figure 6: p, r_max and a_max, ResNet-20 on CIFAR-10',
        'Accuracy (%)',
        'The paper draws curves and prints no numbers: the grid is ours, '
        'around its setting (0.5, 0.7, 3).',
    ),
    'Image folder': Part(
        'Your own images: ResNet-20 on a folder of images',
        'Accuracy (%)',
        'Not in the paper. How to name the folder and the number of classes: '
        'first lines of the baseline.',
    ),
}


class Row(NamedTuple):
    """One line of paper_results.csv."""

    part: str
    row: str
    config: str
    paper: str


def read_rows(configs: Path) -> list[Row]:
    """Read paper_results.csv.

    Args:
        configs (Path): The folder it is in, with the configs.

    Raises:
        ResultsError: If a row names an unknown part or a missing config.
    """
    path = configs / 'paper_results.csv'
    with path.open(encoding='utf-8', newline='') as file:
        rows = [Row(**row) for row in csv.DictReader(file)]
    for row in rows:
        if row.part not in PARTS:
            raise ResultsError(
                f'{path} has a row of {row.part!r}; the parts are {", ".join(PARTS)}.'
            )
        if not (configs / row.config).is_file():
            raise ResultsError(f'{path} names {row.config}, which does not exist.')
    return rows


def read_class_rows(configs: Path) -> dict[str, dict[str, str]]:
    """Read paper_table7.csv: the AP (%) of each VOC class.

    Args:
        configs (Path): The folder it is in.

    Returns:
        dict: For each row of Table 7, named as in paper_results.csv, the
        paper's number by the name that VOC's annotations give the class.
    """
    path = configs / 'paper_table7.csv'
    with path.open(encoding='utf-8', newline='') as file:
        return {row.pop('row'): row for row in csv.DictReader(file)}
