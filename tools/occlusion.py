"""Plot how classifiers stand occlusion: Fig 7 of the paper.

    python tools/occlusion.py --out occlusion.png \\
        --model baseline CONFIG CHECKPOINT --model LOMA CONFIG CHECKPOINT

Checkpoints of the same label, such as those of several seeds, make one line:
their mean and standard deviation. The numbers go to a CSV file beside the
plot. What it holds is not computed again (delete it after training anew), and
all of it is drawn; without --model nothing else is done.
"""

import argparse
import csv
import math
import os
import os.path as osp
import statistics
from collections import defaultdict

import matplotlib.style
from matplotlib.figure import Figure

from loma_mm.engine import add_cfg_options, add_model_argument, load_models
from loma_mm.evaluation import KINDS, METRIC, occlusion_accuracy
from loma_mm.visualization import STYLE, picture_path, save_figure

COLUMNS = ('label', 'checkpoint', 'kind', 'size', 'metric', 'value')
# Label, checkpoint, kind and size of an occlusion: its accuracy in percent.
Results = dict[tuple[str, str, str, int], float]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
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
    args = parser.parse_args()
    if min(args.sizes) < 0:
        parser.error('--sizes must not be negative')
    args.csv = f'{osp.splitext(args.out)[0]}.csv'
    if not args.model and not osp.isfile(args.csv):
        parser.error(f'without --model there must be results in {args.csv}')
    return args


def read_results(path: str) -> Results:
    """The results of earlier calls, none if there is no such file."""
    if not osp.isfile(path):
        return {}
    results = {}
    try:
        with open(path, newline='', encoding='utf-8') as file:
            for row in csv.DictReader(file):
                key = (row['label'], row['checkpoint'], row['kind'], int(row['size']))
                results[key] = float(row['value'])
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(
            f'{path} is not a table of this tool, with the columns '
            f'{", ".join(COLUMNS)}: give another --out.'
        ) from error
    return results


def write_results(results: Results, path: str) -> None:
    """Write a CSV file; one under ``path`` is always a whole one."""
    os.makedirs(osp.dirname(path) or '.', exist_ok=True)
    partial = f'{osp.splitext(path)[0]}.part.csv'
    with open(partial, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(COLUMNS)
        for key, accuracy in results.items():
            writer.writerow([*key, METRIC, f'{accuracy:.4f}'])
    os.replace(partial, path)


def draw(results: Results) -> Figure:
    """One plot a kind of occlusion, one line a label."""
    figure = Figure(figsize=(9, 4.2), layout='constrained')
    figure.suptitle('Robustness to occlusion')
    panels = figure.subplots(1, len(KINDS), sharey=True)
    square = {'center': 'zeroed', 'boundary': 'visible'}
    for panel, kind in zip(panels, KINDS):
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


def main() -> None:
    args = parse_args()
    results = read_results(args.csv)
    for label, cfg, checkpoint in load_models(args, ('test',)):
        sizes = [
            size
            for size in dict.fromkeys(args.sizes)
            if any((label, checkpoint, kind, size) not in results for kind in KINDS)
        ]
        if not sizes:
            continue
        print(f'{label}: {checkpoint}')
        for kind, size, accuracy in occlusion_accuracy(cfg, checkpoint, sizes):
            results[label, checkpoint, kind, size] = accuracy
        write_results(results, args.csv)
    with matplotlib.style.context(STYLE):
        save_figure(draw(results), args.out)
    print(f'{args.out}, {args.csv}: {len(results)} accuracies.')


if __name__ == '__main__':
    main()
