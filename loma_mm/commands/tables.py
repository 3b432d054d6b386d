"""Collect training runs into the paper's tables, ours beside its numbers.

    python -m loma_mm tables work_dirs --out tables.md

The folders are searched for work dirs of finished trainings, at any depth. A
run counts for a row if it was trained with the settings of the row's config:
what was changed on its command line is compared too. What does not count is
listed, with the reason. What counts is filed in a CSV file (--results), from
which the tables are made: it is still there when the work dirs are not.
"""

import argparse
import csv
import io
import os.path as osp
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loma_mm.errors import UsageError
from loma_mm.experiments import Key, Results
from loma_mm.experiments.paper import PARTS, Part, Row, read_class_rows, read_rows
from loma_mm.experiments.tables import escape, markdown_table, mean_and_sd
from loma_mm.experiments.work_dirs import ConfigFinder, WorkDir, read_work_dirs
from loma_mm.files import write_text
from loma_mm.running import configs_folder

from .arguments import output_text, require_different, require_output

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        'folders', nargs='+', help='work dirs, or folders that hold some'
    )
    parser.add_argument(
        '--out', type=output_text, help='Markdown file to write (default: print it)'
    )
    parser.add_argument('--csv', type=output_text, help='the same as a CSV file')
    parser.add_argument(
        '--results',
        metavar='CSV',
        type=output_text,
        help='where results are filed (default: results.csv in the first folder)',
    )
    parser.add_argument(
        '--ignore',
        nargs='+',
        default=[],
        metavar='KEY',
        help='settings that may differ from those of the config, such as '
        'train_dataloader.batch_size where more GPUs took smaller batches, '
        'or optim_wrapper for --amp',
    )


def complete_arguments(args: argparse.Namespace) -> None:
    """Add what follows from the arguments, or raise a UsageError."""
    args.results = args.results or osp.join(args.folders[0], 'results.csv')
    for folder in args.folders:
        if not osp.isdir(folder):
            raise UsageError(f'there is no folder {folder}')
    require_output('--results', args.results)
    require_different(args.out, args.csv, args.results)


class Cell(NamedTuple):
    """A number of the paper and ours for it."""

    part: str
    row: str
    metric: str
    paper: str
    ours: list[float]

    def __str__(self) -> str:
        return mean_and_sd(self.ours) if self.ours else NOT_RUN


# The metrics of each run of a row, as they were measured.
Runs = Sequence[dict[str, float]]


def cells_of(row: Row, part: Part, runs: Runs) -> list[Cell]:
    """One cell for each number of the row."""
    papers = row.paper.split(' / ')
    papers += [''] * (len(part.metrics) - len(papers))
    return [
        Cell(
            row.part,
            row.row,
            metric,
            paper,
            [part.convert(metric, run[metric]) for run in runs if metric in run],
        )
        for metric, paper in zip(part.metrics, papers)
    ]


def class_cells(row: Row, runs: Runs, paper: dict[str, str]) -> list[Cell]:
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


def make_tables(results: Results, rows: Sequence[Row], cells: list[Cell]) -> str:
    """The text of the tables; what is in them is added to ``cells``."""
    classes = read_class_rows(configs_folder())
    blocks = []
    for name, part in PARTS.items():
        lines, class_lines, names = [], [], []
        for row in (row for row in rows if row.part == name):
            runs = results.runs(name_of(row.config))
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
        mean, _, sd = (
            mean_and_sd(cell.ours, 4).partition(' ± ') if cell.ours else [''] * 3
        )
        writer.writerow((*cell[:4], mean, sd, len(cell.ours)))
    return text.getvalue()


def name_of(config: str) -> str:
    """What the results of a config are filed under."""
    return config.removesuffix('.py')


def file_results(found: dict[str, list[WorkDir]], results: Results) -> None:
    """Put the finished runs of each config into the store."""
    for config, runs in found.items():
        for run in runs:
            source = '' if run.seed is not None else run.path
            results.add(
                Key(name_of(config), run.seed, source),
                Path(config).stem,
                run.metrics or {},
            )


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    complete_arguments(args)
    configs = configs_folder()
    # Our own addition is not in the paper.
    rows = [row for row in read_rows(configs) if row.part != 'Image folder']
    work_dirs = read_work_dirs(args.folders, args.ignore)
    finder = ConfigFinder(configs, (row.config for row in rows), args.ignore)
    found, left_out = finder.assign(work_dirs)
    results = Results(args.results)
    file_results(found, results)
    cells: list[Cell] = []
    tables = make_tables(results, rows, cells)
    text = (
        '# Results\n\n'
        "Columns 'Paper' quote the paper (`*`, `**`: which quotes others); "
        "columns 'Ours' are\nmeasured, mean ± sample standard deviation "
        f'over seeds.\n\n{tables}'
    )
    if args.out:
        write_text(args.out, text)
    else:
        print(text)
    if args.csv:
        write_text(args.csv, make_csv(cells))
    for line in left_out:
        print(f'Left out: {line}')
    used = sum(map(len, found.values()))
    print(f'{used} of {len(work_dirs)} work dirs are in the tables.')
