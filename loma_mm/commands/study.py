"""Compare the methods on CIFAR-10 photographs and on BCCD: docs/study.md.

    python -m loma_mm study --cifar10 data/cifar10-photos --bccd data/BCCD
    python -m loma_mm study --report study.md

or train and tabulate a table of the paper: docs/reproduce.md.

    python -m loma_mm study --table 1 --rows 'CIFAR-10, ResNet-20'

The same command goes on where it was stopped, and in a second terminal it
takes the runs that the first has not begun. --report needs the CSV file alone.
"""

import argparse
import os.path as osp
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from mmengine.device import get_device
from scipy import stats

from loma_mm.errors import ResultsError, UsageError
from loma_mm.experiments import Results, Run
from loma_mm.experiments.comparisons import COMPARISONS
from loma_mm.experiments.results import LABELS, LOSS
from loma_mm.experiments.tables import escape, markdown_table, mean_and_sd
from loma_mm.files import write_text
from loma_mm.running import check_before_start, load_config, require_start
from loma_mm.running.options import parse_options
from loma_mm.visualization import STYLE, save_figure

from .arguments import output_text, require_different, require_output
from .experiment_arguments import (
    add_experiment_arguments,
    carry_out,
    raise_problems,
)
from .list_images import list_images
from .study_table import add_table_arguments, check_batch_size, run_table

PER_CLASS = 500
# Parts of the study that are run unless others are named.
SHORT = ('cifar10', 'bccd')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--cifar10',
        metavar='FOLDER',
        help='CIFAR-10 as train/<class>/*.jpg and test/<class>/*.jpg',
    )
    parser.add_argument(
        '--bccd',
        metavar='FOLDER',
        help='BCCD: JPEGImages/, Annotations/ and ImageSets/Main/',
    )
    parser.add_argument(
        '--parts',
        nargs='+',
        choices=COMPARISONS,
        help='default: cifar10 and bccd, those whose data is given',
    )
    add_table_arguments(parser)
    action = add_experiment_arguments(parser, 'work_dirs/study')
    action.add_argument(
        '--report',
        metavar='FILE',
        type=output_text,
        help='train nothing: write the tables and plots of the CSV file to '
        'this Markdown file and beside it (of --table the table alone)',
    )


def complete_arguments(args: argparse.Namespace) -> None:
    """Add what follows from the arguments, or raise a UsageError."""
    if args.table:
        if args.parts:
            raise UsageError('--parts are of the study, --table is of the paper')
        if args.cifar10 or args.bccd:
            raise UsageError(
                '--cifar10 and --bccd are of the study: the data of a --table is named '
                'with --cfg-options data_root=FOLDER'
            )
        args.work_dir = osp.join(args.work_dir, f'table{args.table}')
    elif args.rows:
        raise UsageError('--rows are those of a --table')
    # The table of nothing shows what the paper has; a typing error is none.
    if args.report and (args.csv or not args.table):
        args.csv = args.csv or osp.join(args.work_dir, 'results.csv')
        if not osp.isfile(args.csv):
            raise UsageError(
                f'there are no results in {args.csv}: name their file with --csv'
            )
    args.csv = args.csv or osp.join(args.work_dir, 'results.csv')
    require_output('--csv', args.csv)
    require_different(args.csv, args.report)
    given = [name for name in SHORT if getattr(args, COMPARISONS[name].data)]
    args.parts = args.parts or given or list(SHORT)
    if not (args.collect or args.report or args.table):
        for name in args.parts:
            data = COMPARISONS[name].data
            if not getattr(args, data):
                raise UsageError(
                    f'to train the part {name}, say where its data is: '
                    f'--{data} FOLDER (docs/study.md has the links)'
                )


def make_runs(name: str, args: argparse.Namespace) -> list[Run]:
    """The runs of a part; seed by seed, so that methods stay level."""
    part = COMPARISONS[name]
    common = [*part_options(name, args), *args.cfg_options]
    seeds = sorted({seed for method in part.methods.values() for seed in method.seeds})
    return [
        Run(
            f'{name}/{key}',
            method.config,
            seed,
            args.work_dir,
            (*common, *method.options),
        )
        for seed in args.seeds or seeds
        for key, method in part.methods.items()
        if args.seeds or seed in method.seeds
    ]


def part_options(name: str, args: argparse.Namespace) -> list[str]:
    """What all methods of a part have in common, beside their configs."""
    part = COMPARISONS[name]
    folder = getattr(args, part.data) or '.'
    if part.data == 'bccd':
        return [
            f'data_root={osp.join(osp.abspath(folder), "")}',
            'default_hooks.checkpoint.max_keep_ckpts=1',
            *part.options,
        ]
    options = [
        f'data_root={osp.abspath(folder)}',
        *(
            [f'train_dataloader.dataset.ann_file={first_images(args)}']
            if part.images == 'first'
            else []
        ),
        f'train_cfg.max_epochs={part.epochs}',
        # Once, at the end: nothing is chosen by the test images.
        f'train_cfg.val_interval={part.epochs}',
        'default_hooks.checkpoint.interval=10',
    ]
    if get_device() == 'cpu':
        options.append('optim_wrapper.type=loma_mm.engine.CPUOptimWrapper')
        options += part.options
    else:
        # The wrapper's precision is a matter of CPUs.
        options += [o for o in part.options if not o.startswith('optim_wrapper.')]
    return options


def first_images(args: argparse.Namespace) -> str:
    """Path of the list of the training images."""
    return osp.abspath(osp.join(args.work_dir, 'cifar10', f'first{PER_CLASS}.txt'))


def prepare(args: argparse.Namespace) -> None:
    """Write that list, and check that all data is there."""
    parts = [COMPARISONS[name] for name in args.parts]
    if any(part.data == 'cifar10' and part.images == 'first' for part in parts):
        lines = list_images(Path(args.cifar10, 'train'), PER_CLASS)
        write_text(first_images(args), '\n'.join(lines) + '\n')
    for name in args.parts:
        run = make_runs(name, args)[0]
        cfg = load_config(run.config, parse_options(run.options))
        alone = f'--parts {name}' if len(args.parts) > 1 else ''
        check_batch_size(run, cfg, args.gpus, alone)
        require_start(cfg)
        check_before_start(cfg, ('train', 'val'))


class Outcome(NamedTuple):
    """The results of one method in percent, and its training losses, by seed."""

    label: str
    values: dict[int | None, float]
    losses: dict[int | None, float]

    def paired_with(self, baseline: 'Outcome') -> tuple[list[float], ...]:
        """Its values and the baseline's of the seeds that both have."""
        seeds = [seed for seed in self.values if seed in baseline.values]
        return (
            [self.values[seed] for seed in seeds],
            [baseline.values[seed] for seed in seeds],
        )


def outcomes(name: str, results: Results) -> list[Outcome]:
    part = COMPARISONS[name]
    return [
        Outcome(
            method.label,
            results.values(f'{name}/{key}', part.metric),
            results.values(f'{name}/{key}', LOSS),
        )
        for key, method in part.methods.items()
    ]


def make_table(name: str, methods: Sequence[Outcome]) -> str:
    """Mean and sd of each method, and a paired t-test against the first."""
    unit = LABELS[COMPARISONS[name].metric]
    # Runs that were filed before losses were have none.
    with_losses = any(method.losses for method in methods)
    lines = []
    for method in methods:
        values = list(method.values.values())
        cells = [mean_and_sd(values) if values else 'not run', str(len(values))]
        ours, theirs = method.paired_with(methods[0])
        if method is methods[0] or not ours:
            cells += ['–'] * 3
        else:
            cells.append(f'{np.mean(np.subtract(ours, theirs)):+.2f}')
            cells += paired_test(ours, theirs)
        if with_losses:
            losses = list(method.losses.values())
            cells.append(mean_and_sd(losses, 3) if losses else '–')
        lines.append([escape(method.label), *cells])
    return markdown_table(
        [
            'Method',
            f'{unit}, mean ± sd',
            'Seeds',
            'Minus baseline',
            '95 % interval of that',
            'p',
            *(['Training loss at the end'] if with_losses else []),
        ],
        lines,
    )


def paired_test(ours: Sequence[float], theirs: Sequence[float]) -> list[str]:
    """Interval and p of a paired t-test, dashes where it needs more seeds."""
    if len(ours) < 2:
        return ['–', '–']
    test = stats.ttest_rel(ours, theirs)
    low, high = test.confidence_interval()
    if not np.isfinite(test.pvalue):  # all equal, or no numbers
        return ['–', '–']
    p = '< 0.001' if test.pvalue < 0.001 else f'{test.pvalue:.3f}'
    return [f'{low:+.2f} to {high:+.2f}', p]


def draw(name: str, methods: Sequence[Outcome], path: str) -> None:
    """Every seed, and mean and sd of each method."""
    unit = LABELS[COMPARISONS[name].metric]
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 1.4 + 0.5 * len(methods)), layout='constrained')
        axes = figure.subplots()
        for y, method in enumerate(methods):
            values = list(method.values.values())
            if not values:
                continue
            axes.plot(
                values, [y] * len(values), 'o', color='C0', alpha=0.5, label='one seed'
            )
            axes.errorbar(
                np.mean(values),
                y + 0.25,
                xerr=np.std(values, ddof=1) if len(values) > 1 else None,
                fmt='D',
                color='C1',
                capsize=4,
                label='mean ± standard deviation',
            )
        axes.set_yticks(
            range(len(methods)),
            [
                f'{method.label}, n = {len(method.values)}'
                if method.values
                else f'{method.label}: not run'
                for method in methods
            ],
        )
        axes.set_ylim(len(methods) - 0.4, -0.5)
        axes.grid(axis='x', alpha=0.3)
        axes.set_xlabel(unit)
        figure.suptitle(f'{COMPARISONS[name].title} (n seeds)')
        handles = dict(zip(*reversed(axes.get_legend_handles_labels())))
        figure.legend(
            handles.values(), handles.keys(), loc='outside lower right', ncols=2
        )
        save_figure(figure, path)


def report(results: Results, args: argparse.Namespace) -> None:
    """Put tables and plots into the report, between its marks.

    Raises:
        ResultsError: If the report has no marks for a part.
    """
    path = Path(args.report)
    text = (
        path.read_text(encoding='utf-8')
        if path.is_file()
        else '\n\n'.join(
            f'<!-- begin {name} -->\n<!-- end {name} -->\n' for name in COMPARISONS
        )
    )
    for name in args.parts:
        methods = outcomes(name, results)
        picture = path.parent / f'study_{name}.png'
        if any(method.values for method in methods):
            draw(name, methods, str(picture))
        block = (
            f'<!-- begin {name} -->\n{make_table(name, methods)}\n\n'
            f'![{COMPARISONS[name].title}]({picture.name})\n'
        )
        text, count = re.subn(
            f'<!-- begin {name} -->\n.*?(?=<!-- end {name} -->)',
            # A backslash of a replacement begins a group.
            block.replace('\\', r'\\'),
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ResultsError(
                f'{path} must have one pair of lines <!-- begin '
                f'{name} --> and <!-- end {name} -->.'
            )
    write_text(path, text)
    print(f'{path} is written from {results.path}.')


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    complete_arguments(args)
    if args.table:
        run_table(args)
        return
    results = Results(args.csv)
    if args.report:
        report(results, args)
        return
    if not args.collect:
        prepare(args)
    runs = [run for name in args.parts for run in make_runs(name, args)]
    raise_problems(carry_out(runs, results, args))
