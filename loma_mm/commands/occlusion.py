"""Plot how classifiers stand occlusion: Fig 7 of the paper.

    python -m loma_mm occlusion --out occlusion.png \\
        --model baseline CONFIG CHECKPOINT --model LOMA CONFIG CHECKPOINT

Checkpoints of the same label, such as those of several seeds, make one line:
their mean and standard deviation. The numbers go to a CSV file beside the
plot. What it holds is not computed again (delete it after training anew), and
all of it is drawn; without --model nothing else is done.
"""

import argparse
import math
import os.path as osp
import statistics
from collections import defaultdict
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from loma_mm.errors import ResultsError, UsageError
from loma_mm.evaluation.occlusion import OCCLUSIONS, occlusion_name
from loma_mm.experiments import Key, Results, to_percent
from loma_mm.running.occlusion import OCCLUSION_METRIC, occlusion_accuracy
from loma_mm.visualization import STYLE, save_figure

from .arguments import (
    add_cfg_options,
    add_model_argument,
    picture_path,
    read_classifiers,
    require_output,
)

# Label, checkpoint, kind and size of an occlusion: its accuracy in percent.
Accuracies = dict[tuple[str, str, str, int], float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--out', required=True, type=picture_path, help='plot to write (.png)'
    )
    add_model_argument(parser, required=False)
    parser.add_argument(
        '--sizes',
        type=int,
        nargs='+',
        default=list(range(0, 33, 4)),
        help="sides of the central square in pixels of the network's input "
        "(default: 0, 4, ... 32, for CIFAR's images)",
    )
    add_cfg_options(parser)


def complete_arguments(args: argparse.Namespace) -> None:
    """Add what follows from the arguments, or raise a UsageError."""
    if min(args.sizes) < 0:
        raise UsageError('--sizes must not be negative')
    args.csv = f'{osp.splitext(args.out)[0]}.csv'
    require_output('--out', args.csv)
    if not args.model and not osp.isfile(args.csv):
        raise UsageError(f'without --model there must be results in {args.csv}')


def read_accuracies(results: Results) -> Accuracies:
    """What a store of results has of occlusions, in its order."""
    found = {}
    for (key, metric), result in results.read().items():
        name, _, rest = metric.partition('/')
        kind, _, size = name.rpartition('_')
        if key.source and kind in OCCLUSIONS and rest == OCCLUSION_METRIC:
            found[key.name, key.source, kind, int(size)] = to_percent(
                metric, result.value
            )
    return found


def draw(results: Accuracies) -> Figure:
    """One plot a kind of occlusion, one line a label."""
    figure = Figure(figsize=(9, 4.2), layout='constrained')
    figure.suptitle('Robustness to occlusion')
    panels = figure.subplots(1, len(OCCLUSIONS), sharey=True)
    square = {'center': 'zeroed', 'boundary': 'visible'}
    for panel, kind in zip(panels, OCCLUSIONS):
        panel.set_title(f'{kind} occlusion'.capitalize())
        panel.set_xlabel(f'Side of the {square[kind]} square (px)')
        panel.grid(alpha=0.3)
        for label in dict.fromkeys(key[0] for key in results):
            values = defaultdict(list)
            for key, accuracy in results.items():
                if (key[0], key[2]) == (label, kind):
                    values[key[3]].append(accuracy)
            points = [
                (
                    size,
                    statistics.mean(values[size]),
                    statistics.stdev(values[size])
                    if len(values[size]) > 1
                    else math.nan,
                )
                for size in sorted(values)
            ]
            runs = max(map(len, values.values()))
            sizes, means, deviations = zip(*points)
            panel.errorbar(
                sizes,
                means,
                deviations if runs > 1 else None,
                marker='o',
                markersize=4,
                capsize=3,
                label=f'{label} ({runs} runs)' if runs > 1 else label,
            )
    panels[0].set_ylabel('Top-1 accuracy (%)')
    panels[0].legend()
    return figure


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    complete_arguments(args)
    results = Results(args.csv)
    for (label, cfg, checkpoint), (_, path, _) in zip(
        read_classifiers(args, ('test',)), args.model
    ):
        known = read_accuracies(results)
        sizes = [
            size
            for size in dict.fromkeys(args.sizes)
            if any((label, checkpoint, kind, size) not in known for kind in OCCLUSIONS)
        ]
        if not sizes:
            continue
        print(f'{label}: {checkpoint}')
        results.add(
            Key(label, None, checkpoint),
            Path(path).stem,
            {
                f'{occlusion_name(kind, size)}/{OCCLUSION_METRIC}': accuracy
                for kind, size, accuracy in occlusion_accuracy(cfg, checkpoint, sizes)
            },
        )
    accuracies = read_accuracies(results)
    if not accuracies:
        raise ResultsError(
            f'{args.csv} has no accuracies under occlusion: give --model, or the '
            '--out of an earlier call.'
        )
    with matplotlib.style.context(STYLE):
        save_figure(draw(accuracies), args.out)
    print(f'{args.out}, {args.csv}: {len(accuracies)} accuracies.')
