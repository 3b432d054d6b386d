"""Draw what the training pipeline of a config really produces.

Works for detectors (images with their boxes and masks) and classifiers
(images with their class), each sample before and after its pipeline:

    python -m loma_mm browse CONFIG --out samples.png
    python -m loma_mm browse CONFIG --out-dir samples --number 50
    python -m loma_mm browse CONFIG --show
    python -m loma_mm browse CONFIG --compare-labels --out labels.png

Before is the sample as it is loaded, with its original annotation: what the
transforms return whose names start with Load and with which the pipeline
begins, recorded while it runs. After is what the dataloader gets. Boxes that
the dataset ignores in training, as VOC's difficult ones, are not drawn.

With --compare-labels, after is drawn twice, from the same random numbers: with
labels='keep' and labels='warp' of LocalMagnification.
"""

import argparse
import copy
import os
import os.path as osp
import random
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import VISUALIZERS
from mmengine.runner import set_random_seed
from mmengine.utils import track_iter_progress
from mmengine.visualization import Visualizer
from mmengine.visualization.utils import img_from_canvas

from loma_mm.errors import SetupError, UsageError
from loma_mm.running.config import find_type
from loma_mm.running.console import terminal
from loma_mm.visualization import BeforeAfter, Sample, annotate, save_figure

from .arguments import (
    add_cfg_options,
    add_config,
    open_samples,
    output_folder,
    picture_path,
    positive,
    seed,
)

# Longer side of an image in pixels, so that labels can be read: of one among
# many in a picture, and of one that has a picture to itself.
SIDE, LARGE_SIDE = 400, 800
DPI = 100
# Room for a title of two lines and around an image, in pixels.
TITLE, GAP = 52, 8
# Letters of a file's name that fit into a title.
NAME = 45


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    parser.add_argument(
        '--out', type=picture_path, help='write all samples to one picture'
    )
    parser.add_argument(
        '--out-dir',
        type=output_folder,
        help='write a picture a sample to this folder',
    )
    parser.add_argument(
        '--show',
        action='store_true',
        help='show one sample after the other in a window; the space key goes on',
    )
    parser.add_argument(
        '--show-interval',
        type=float,
        default=0,
        help='seconds after which --show goes on by itself (default: never)',
    )
    parser.add_argument(
        '--number', type=positive, default=12, help='samples to draw (default: 12)'
    )
    parser.add_argument(
        '--columns',
        type=positive,
        default=2,
        help='samples beside each other in the picture of --out (default: 2)',
    )
    parser.add_argument(
        '--seed',
        type=seed,
        default=0,
        help='of the choice of samples and of the augmentation',
    )
    parser.add_argument(
        '--compare-labels',
        action='store_true',
        help="draw what labels='keep' and labels='warp' make of a sample",
    )
    add_cfg_options(parser)


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a UsageError if the arguments contradict each other."""
    if not (args.out or args.out_dir or args.show):
        raise UsageError('say where the samples go: --out, --out-dir or --show')


def check_window() -> None:
    """Raise a SetupError where no window can be opened."""
    from matplotlib import pyplot as plt

    # matplotlib falls back to a backend without windows, silently; whoever
    # names one in MPLBACKEND wants it.
    framework = plt.figure().canvas.required_interactive_framework
    plt.close()
    if framework is None and 'MPLBACKEND' not in os.environ:
        raise SetupError(
            '--show finds no display or no GUI toolkit for matplotlib to open '
            'a window: write the samples with --out or --out-dir.'
        )


Panel = tuple[str, np.ndarray]


def set_labels(node: Any, labels: str) -> int:
    """Set ``labels`` of every LocalMagnification in a config; their number."""
    found = [one for _, one in find_type(node, 'LocalMagnification')]
    for one in found:
        one['labels'] = labels
    return len(found)


class ComparedLabels:
    """The samples of a config with kept and with warped labels."""

    def __init__(self, cfg: Config) -> None:
        self._datasets = {}
        for labels in ('keep', 'warp'):
            variant = copy.deepcopy(cfg)
            if not set_labels(variant.train_dataloader.dataset, labels):
                raise UsageError(
                    '--compare-labels needs a config with LocalMagnification in '
                    'its training pipeline'
                )
            self._datasets[f"labels='{labels}'"] = BeforeAfter(variant)

    def __getitem__(self, index: int) -> dict[str, Sample]:
        states = random.getstate(), np.random.get_state()
        drawn = {}
        for name, dataset in self._datasets.items():
            random.setstate(states[0])
            np.random.set_state(states[1])
            drawn['as loaded'], drawn[name] = dataset[index]
        return drawn


def draw_sample(
    visualizer: Visualizer, index: int, sample: dict[str, Sample], side: int
) -> list[Panel]:
    """Titles and pictures of a sample before and after the pipeline."""
    path = sample['as loaded'].data_sample.get('img_path')
    name = osp.basename(path)[-NAME:] if path else 'sample'
    panels = []
    # MMDetection draws the colours of masks: the same ones for both, and
    # none from the augmentation.
    random_state = np.random.get_state()
    for state, one in sample.items():
        height, width = one.image.shape[:2]
        panels.append(
            (
                f'{index}: {name}\n{state}, {width} × {height} px',
                annotate(visualizer, one, side),
            )
        )
        np.random.set_state(random_state)
    return panels


def lay_out(panels: list[Panel], columns: int, side: int) -> Figure:
    """One figure with all panels, row by row."""
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(img.shape[0] for _, img in row) + TITLE + GAP for row in rows]
    figure = Figure(
        # A little more: matplotlib cuts fractions of a pixel off.
        figsize=((columns * (side + GAP) + 0.01) / DPI, (sum(heights) + 0.01) / DPI),
        layout='constrained',
    )
    axes = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (title, img) in zip(axes.flat, panels):
        ax.imshow(img)
        ax.set_title(title, fontsize=10)
    return figure


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    cfg, samples = open_samples(args.config, args.cfg_options, 'train')
    if args.show:
        check_window()
    visualizer = VISUALIZERS.build(
        dict(cfg.visualizer, name='browse', vis_backends=None)
    )
    visualizer.dataset_meta = samples.metainfo
    compared = ComparedLabels(cfg) if args.compare_labels else None
    set_random_seed(args.seed)
    indices = np.random.permutation(len(samples))[: args.number]
    overview = []
    for index in track_iter_progress(indices.tolist(), file=terminal()):
        if compared:
            sample = compared[index]
        else:
            sample = dict(zip(('as loaded', 'after the pipeline'), samples[index]))
        if args.out:
            overview += draw_sample(visualizer, index, sample, SIDE)
        if not (args.out_dir or args.show):
            continue
        panels = draw_sample(visualizer, index, sample, LARGE_SIDE)
        figure = lay_out(panels, len(panels), LARGE_SIDE)
        if args.out_dir:
            save_figure(figure, osp.join(args.out_dir, f'{index:06}.png'), dpi=DPI)
        if args.show:
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            visualizer.show(
                img_from_canvas(canvas),
                win_name=args.config,
                wait_time=args.show_interval,
            )
    print()
    if args.out:
        figure = lay_out(overview, (3 if compared else 2) * args.columns, SIDE)
        save_figure(figure, args.out, dpi=DPI)
        print(f'{args.out}: {len(indices)} samples of the training pipeline.')
    if args.out_dir:
        print(
            f'{args.out_dir}: {len(indices)} pictures of samples of the '
            'training pipeline.'
        )
