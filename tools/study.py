"""Compare the methods on CIFAR-10 photographs and on BCCD: docs/study.md.

    python tools/study.py --cifar10 data/cifar10-photos --bccd data/BCCD
    python tools/study.py --report

The same command goes on where it was stopped, and in a second terminal it
takes the runs that the first has not begun. --report needs the CSV file alone.
"""

import argparse
import contextlib
import os
import os.path as osp
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from mmengine.device import get_device
from scipy import stats

from loma_mm.engine import check_before_start, load_config
from loma_mm.engine.experiment_cli import (
    add_experiment_arguments,
    carry_out,
    parse_options,
)
from loma_mm.engine.experiments import PERCENT, Results, Run
from loma_mm.engine.tables import escape, markdown_table, mean_and_sd
from loma_mm.visualization import STYLE, save_figure

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
BASELINE = 'baseline'
PER_CLASS = 500


class Part(NamedTuple):
    """One comparison.

    Args:
        title (str): Of its plot.
        metric (str): What is compared.
        seeds (Tuple[int]): Default of ``--seeds``.
        methods (Dict[str, Tuple[str, str]]): Label and config of each.
    """

    title: str
    metric: str
    seeds: tuple[int, ...]
    methods: dict[str, tuple[str, str]]


def resnet20(method: str) -> str:
    return f'resnet_cifar/resnet20_1xb128{method}_image-folder.py'


def faster_rcnn(method: str) -> str:
    return f'faster_rcnn/faster-rcnn_r18_fpn_{method}scratch-8e_custom-voc.py'


PARTS = {
    'cifar10': Part(
        'ResNet-20 on 5,000 images of CIFAR-10',
        'accuracy/top1',
        (0, 1, 2, 3, 4),
        {
            BASELINE: ('Baseline', resnet20('')),
            'cutout': ('Cutout', resnet20('-cutout')),
            'random-erasing': ('Random Erasing', resnet20('-random-erasing')),
            'loma': ('LOMA', resnet20('-loma')),
            'loma-if': ('LOMA_IF', resnet20('-loma-if')),
            'loma-if-fo': ('LOMA_IF&FO', resnet20('-loma-if-fo')),
        },
    ),
    'bccd': Part(
        'Faster R-CNN, R-18, on BCCD',
        'pascal_voc/mAP',
        (0, 1, 2),
        {
            BASELINE: ('Baseline', faster_rcnn('')),
            'loma-rhombus': ('LOMA (rhombus)', faster_rcnn('loma-rhombus-')),
            'loma-ellipse': ('LOMA (ellipse)', faster_rcnn('loma-ellipse-')),
        },
    ),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
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
        choices=PARTS,
        help='default: those whose data is given, or both',
    )
    parser.add_argument(
        '--report',
        nargs='?',
        const=str(ROOT / 'docs' / 'study.md'),
        metavar='FILE',
        help='train nothing: write the tables and plots of the CSV file to '
        'this Markdown file and beside it (default: docs/study.md)',
    )
    add_experiment_arguments(
        parser,
        'work_dirs/study',
        'docs/study.csv; with --cfg-options WORK_DIR/results.csv',
    )
    args = parser.parse_args()
    if args.csv is None:
        # With other settings it is another study.
        args.csv = (
            osp.join(args.work_dir, 'results.csv')
            if args.cfg_options
            else str(ROOT / 'docs' / 'study.csv')
        )
    given = [name for name in PARTS if getattr(args, name)]
    args.parts = args.parts or given or list(PARTS)
    if not (args.collect or args.report):
        for name in set(args.parts) - set(given):
            parser.error(
                f'to train the part {name}, say where its data is: '
                f'--{name} FOLDER (docs/study.md has the links)'
            )
    return args


def make_runs(name: str, args: argparse.Namespace) -> list[Run]:
    """The runs of a part; seed by seed, so that methods stay level."""
    options = [*part_options(name, args), *args.cfg_options]
    return [
        Run(
            f'{name}/{method}',
            osp.relpath(ROOT / 'configs' / config),
            seed,
            args.work_dir,
            tuple(options),
        )
        for seed in args.seeds or PARTS[name].seeds
        for method, (_, config) in PARTS[name].methods.items()
    ]


def part_options(name: str, args: argparse.Namespace) -> list[str]:
    """What all methods of a part have in common, beside their configs."""
    folder = getattr(args, name) or '.'
    if name == 'bccd':
        return [
            f'data_root={osp.join(osp.abspath(folder), "")}',
            'default_hooks.checkpoint.max_keep_ckpts=1',
        ]
    options = [
        f'data_root={osp.abspath(folder)}',
        f'train_dataloader.dataset.ann_file={first_images(args)}',
        # Once, at the end: nothing is chosen by the test images.
        'train_cfg.val_interval=60',
        'default_hooks.checkpoint.interval=10',
    ]
    if get_device() == 'cpu':
        options.append('optim_wrapper.type=loma_mm.engine.CPUOptimWrapper')
    return options


def first_images(args: argparse.Namespace) -> str:
    """Path of the list of the training images."""
    return osp.abspath(osp.join(args.work_dir, 'cifar10', f'first{PER_CLASS}.txt'))


def prepare(args: argparse.Namespace) -> None:
    """Write that list, and check that all data is there."""
    if 'cifar10' in args.parts:
        path = first_images(args)
        os.makedirs(osp.dirname(path), exist_ok=True)
        done = subprocess.run(
            [
                sys.executable,
                str(TOOLS / 'image_folder_list.py'),
                osp.join(args.cifar10, 'train'),
                path,
                '--per-class',
                str(PER_CLASS),
            ],
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise SystemExit(done.returncode)
    for name in args.parts:
        run = make_runs(name, args)[0]
        check_before_start(
            load_config(run.config, parse_options(run.options)), ('train', 'val')
        )


class Outcome(NamedTuple):
    """The results of one method in percent, by seed."""

    label: str
    values: dict[int, float]

    def paired_with(self, baseline: 'Outcome') -> tuple[list[float], ...]:
        """Its values and the baseline's of the seeds that both have."""
        seeds = sorted(set(self.values) & set(baseline.values))
        return (
            [self.values[seed] for seed in seeds],
            [baseline.values[seed] for seed in seeds],
        )


def outcomes(name: str, results: Results) -> list[Outcome]:
    part = PARTS[name]
    _, scale = PERCENT[part.metric]
    return [
        Outcome(
            label,
            {
                seed: scale * value
                for seed, value in results.values(
                    f'{name}/{method}', part.metric
                ).items()
            },
        )
        for method, (label, _) in part.methods.items()
    ]


def make_table(name: str, methods: Sequence[Outcome]) -> str:
    """Mean and sd of each method, and a paired t-test against the first."""
    unit, _ = PERCENT[PARTS[name].metric]
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
        lines.append([escape(method.label), *cells])
    return markdown_table(
        [
            'Method',
            f'{unit}, mean ± sd',
            'Seeds',
            'Minus baseline',
            '95 % interval of that',
            'p',
        ],
        lines,
    )


def paired_test(ours: Sequence[float], theirs: Sequence[float]) -> list[str]:
    """Interval and p of a paired t-test, dashes where it needs more seeds."""
    if len(ours) < 2:
        return ['–', '–']
    test = stats.ttest_rel(ours, theirs)
    low, high = test.confidence_interval()
    p = '< 0.001' if test.pvalue < 0.001 else f'{test.pvalue:.3f}'
    return [f'{low:+.2f} to {high:+.2f}', p]


def draw(name: str, methods: Sequence[Outcome], path: str) -> None:
    """Every seed, and mean and sd of each method."""
    unit, _ = PERCENT[PARTS[name].metric]
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
        axes.set_title(f'{PARTS[name].title} (n seeds)')
        handles = dict(zip(*reversed(axes.get_legend_handles_labels())))
        figure.legend(
            handles.values(), handles.keys(), loc='outside lower right', ncols=2
        )
        save_figure(figure, path)


def report(results: Results, args: argparse.Namespace) -> None:
    """Put tables and plots into the report, between its marks.

    Raises:
        SystemExit: If the report has no marks for a part.
    """
    path = Path(args.report)
    text = (
        path.read_text(encoding='utf-8')
        if path.is_file()
        else '\n\n'.join(
            f'<!-- begin {name} -->\n<!-- end {name} -->\n' for name in PARTS
        )
    )
    for name in args.parts:
        methods = outcomes(name, results)
        picture = path.parent / f'study_{name}.png'
        if any(method.values for method in methods):
            draw(name, methods, str(picture))
        block = (
            f'<!-- begin {name} -->\n{make_table(name, methods)}\n\n'
            f'![{PARTS[name].title}]({picture.name})\n'
        )
        text, count = re.subn(
            f'<!-- begin {name} -->\n.*?(?=<!-- end {name} -->)',
            lambda _: block,
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise SystemExit(
                f'{path} must have one pair of lines <!-- begin '
                f'{name} --> and <!-- end {name} -->.'
            )
    partial = Path(f'{path}.part')
    partial.write_text(text, encoding='utf-8')
    os.replace(partial, path)
    print(f'{path} is written from {results.path}.')


def main() -> None:
    args = parse_args()
    results = Results(args.csv)
    if args.report:
        report(results, args)
        return
    if not args.collect:
        # Commands on the standard output may go to a file.
        with contextlib.redirect_stdout(sys.stderr):
            prepare(args)
    runs = [run for name in args.parts for run in make_runs(name, args)]
    problems = carry_out(runs, results, args, str(TOOLS))
    sys.exit('\n'.join(problems) if problems else 0)


if __name__ == '__main__':
    main()
