"""Collect training runs into the paper's tables, ours beside its numbers.

    python tools/paper_tables.py work_dirs --out tables.md --csv tables.csv

The folders are searched for work dirs of tools/train.py, at any depth. A run
counts for a row if it was trained with the settings of the row's config, to
the end: what was changed on its command line is compared too. What does not
count is listed, with the reason.
"""

import argparse
import csv
import io
import os
import os.path as osp
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loma_mm.engine.paper import PARTS, Part, Row, read_class_rows, read_rows
from loma_mm.engine.tables import escape, markdown_table, mean_and_sd
from loma_mm.engine.work_dirs import ConfigFinder, WorkDir, read_work_dirs

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
NOT_RUN = 'not run'
# Table 7's names of VOC's classes.
SHORT = dict(
    aeroplane='aero',
    bicycle='bike',
    diningtable='table',
    motorbike='mbike',
    pottedplant='plant',
    tvmonitor='tv',
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        'folders', nargs='+', help='work dirs, or folders that hold some'
    )
    parser.add_argument('--out', help='Markdown file to write (default: print it)')
    parser.add_argument('--csv', help='the same as a CSV file')
    parser.add_argument(
        '--ignore',
        nargs='+',
        default=[],
        metavar='KEY',
        help='settings that may differ from those of the config, such as '
        'train_dataloader.batch_size where more GPUs took smaller batches, '
        'or optim_wrapper for --amp',
    )
    args = parser.parse_args()
    for folder in args.folders:
        if not osp.isdir(folder):
            parser.error(f'there is no folder {folder}')
    return args


class Cell(NamedTuple):
    """A number of the paper and ours for it."""

    part: str
    row: str
    metric: str
    paper: str
    ours: list[float]

    def __str__(self) -> str:
        return mean_and_sd(self.ours) if self.ours else NOT_RUN


def cells_of(row: Row, part: Part, runs: Sequence[WorkDir]) -> list[Cell]:
    """One cell for each number of the row."""
    papers = row.paper.split(' / ')
    papers += [''] * (len(part.metrics) - len(papers))
    return [
        Cell(row.part, row.row, metric, paper,
             [part.convert(run.metrics[metric]) for run in runs
              if metric in run.metrics])
        for metric, paper in zip(part.metrics, papers)
    ]  # yapf: disable


def class_cells(row: Row, runs: Sequence[WorkDir], paper: dict[str, str]) -> list[Cell]:
    """Table 7's columns."""
    return [
        cell
        for name, value in paper.items()
        for cell in cells_of(
            row._replace(paper=value),
            PARTS['Table 7']._replace(metrics=(f'pascal_voc/AP/{name}',)),
            runs,
        )
    ]


def make_tables(
    found: dict[str, list[WorkDir]], rows: Sequence[Row], cells: list[Cell]
) -> str:
    """The text of the tables; what is in them is added to ``cells``."""
    classes = read_class_rows(CONFIGS)
    blocks = []
    for name, part in PARTS.items():
        lines, class_lines, names = [], [], []
        for row in (row for row in rows if row.part == name):
            runs = found.get(row.config, [])
            own = cells_of(row, part, runs)
            cells += own
            lines.append(
                [
                    escape(row.row),
                    escape(row.paper) or '–',
                    ' / '.join(map(str, own)),
                    str(len(runs) or '–'),
                ]
            )
            if name == 'Table 7':
                own = class_cells(row, runs, classes[row.row]) + own
                cells += own[:-1]
                names = [SHORT.get(key, key) for key in classes[row.row]]
                class_lines += [
                    [row.row, 'paper'] + [cell.paper for cell in own],
                    ['', 'ours', *class_values(own)],
                ]
        if not lines:
            continue
        unit = f'{part.unit[0].lower()}{part.unit[1:]}'
        blocks += [
            f'## {escape(part.heading)}\n',
            part.note and f'{part.note}\n',
            markdown_table(
                ['Row', f'Paper: {unit}', f'Ours: {unit}', 'Our seeds'], lines
            )
            + '\n',
        ]
        if class_lines:
            blocks += [
                'AP (%) of each class; ours is the mean over seeds:\n',
                markdown_table(['Row', '', *names, 'mAP'], class_lines) + '\n',
            ]
    return '\n'.join(block for block in blocks if block)


def class_values(cells: Sequence[Cell]) -> list[str]:
    """Means alone: twenty columns have no room for more."""
    if not any(cell.ours for cell in cells):
        return [NOT_RUN] + [''] * (len(cells) - 1)
    return [f'{statistics.mean(cell.ours):.1f}' if cell.ours else '–' for cell in cells]


def make_csv(cells: Sequence[Cell]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(('part', 'row', 'metric', 'paper', 'mean', 'sd', 'seeds'))
    for cell in cells:
        mean = f'{statistics.mean(cell.ours):.4f}' if cell.ours else ''
        sd = f'{statistics.stdev(cell.ours):.4f}' if cell.ours[1:] else ''
        writer.writerow((*cell[:4], mean, sd, len(cell.ours)))
    return text.getvalue()


def write(text: str, path: str) -> None:
    os.makedirs(osp.dirname(path) or '.', exist_ok=True)
    Path(f'{path}.part').write_text(text, encoding='utf-8')
    os.replace(f'{path}.part', path)


def main() -> None:
    args = parse_args()
    # Our own addition is not in the paper.
    rows = [row for row in read_rows(CONFIGS) if row.part != 'Image folder']
    work_dirs = read_work_dirs(args.folders, args.ignore)
    finder = ConfigFinder(CONFIGS, (row.config for row in rows), args.ignore)
    found, left_out = finder.assign(work_dirs)
    cells: list[Cell] = []
    tables = make_tables(found, rows, cells)
    text = (
        '# Results\n\n'
        "Columns 'Paper' quote the paper (`*`, `**`: which quotes others); "
        "columns 'Ours' are\nmeasured, mean ± sample standard deviation "
        f'over seeds.\n\n{tables}'
    )
    if args.out:
        write(text, args.out)
    else:
        print(text)
    if args.csv:
        write(make_csv(cells), args.csv)
    for line in left_out:
        print(f'Left out: {line}')
    used = sum(map(len, found.values()))
    print(f'{used} of {len(work_dirs)} work dirs are in the tables.')


if __name__ == '__main__':
    main()
