"""Train a config with other settings of LOMA, as for the paper's Figure 6.

One setting varies at a time, the others are those of the config. Without any
values, the grid is that of Figure 6:

    python -m loma_mm sweep \\
        configs/resnet_cifar/resnet20_1xb128-loma-rhombus_cifar10.py \\
        --baseline configs/resnet_cifar/resnet20_1xb128_cifar10.py \\
        --seeds 0 1 2

The same command goes on where it was stopped. On a cluster, --commands slurm
(or torchrun) prints a command for each run, and --collect draws what is done.
"""

import argparse
import inspect
import os.path as osp
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope

from loma_mm import LocalMagnification
from loma_mm.errors import ConfigError, ResultsError
from loma_mm.experiments import Results, Run, require_same_settings, to_percent
from loma_mm.experiments.results import LABELS, LOSS
from loma_mm.running import check_before_start, load_config, require_start
from loma_mm.running.config import find_type
from loma_mm.running.options import parse_options
from loma_mm.running.preflight import check_toolbox
from loma_mm.visualization import STYLE, save_figure

from .arguments import add_config, picture_path, require_different, require_output
from .experiment_arguments import (
    add_experiment_arguments,
    carry_out,
    raise_problems,
)

# Ours, around the paper's setting: it draws curves and prints no numbers.
FIGURE_6 = dict(
    p=[0.25, 0.5, 0.75, 1.0], r_max=[0.3, 0.5, 0.7, 0.9], a_max=[1, 2, 3, 4]
)
# The runs with the config as it is.
BASIC = 'basic'


class Parameter(NamedTuple):
    """Something to vary, and the argument of ours that holds it."""

    label: str
    argument: str
    help: str


# LocalMagnification's in the training pipeline; r_min and a_min stay.
IMAGE = {
    'p': Parameter('$p$', 'prob', 'probability of LOMA'),
    'r_max': Parameter(
        '$r_{max}$ (fraction of the longer side)',
        'radius_range',
        'largest radius, as a fraction of the longer side',
    ),
    'a_max': Parameter('$a_{max}$', 'ratio_range', 'largest compression ratio'),
}
# FeatureAugmentBackbone's.
FEATURE = {
    'p_f': Parameter('$p_f$', 'prob', 'probability of LOMA_F and FO'),
    'l': Parameter('$l$', 'after', 'stage that LOMA_F and FO come after'),
}
PARAMETERS = {**IMAGE, **FEATURE}


class Point(NamedTuple):
    """One setting: what varies, its value, and the name of its runs."""

    parameter: str
    value: float
    name: str
    options: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    for name, parameter in PARAMETERS.items():
        parser.add_argument(
            f'--{name.replace("_", "-")}',
            type=int if name == 'l' else float,
            nargs='+',
            metavar='VALUE',
            help=parameter.help,
        )
    parser.add_argument('--baseline', help='a config to compare with, drawn as a line')
    parser.add_argument(
        '--metric',
        help='metric to draw, as coco/segm_mAP (default: accuracy, mAP, or what is '
        'first in the CSV file)',
    )
    parser.add_argument(
        '--out', type=picture_path, help='plot (default: WORK_DIR/sweep.png)'
    )
    add_experiment_arguments(parser, 'work_dirs/sweep')
    parser.set_defaults(seeds=[0])


def complete_arguments(args: argparse.Namespace) -> None:
    """Add what follows from the arguments."""
    args.csv = args.csv or osp.join(args.work_dir, 'results.csv')
    args.out = args.out or osp.join(args.work_dir, 'sweep.png')
    require_output('--csv', args.csv)
    require_output('--out', args.out)
    require_different(args.csv, args.out)
    args.grid = {
        name: sorted(set(values))
        for name, values in ((name, getattr(args, name)) for name in PARAMETERS)
        if values
    } or FIGURE_6


def make_point(cfg: Config, parameter: str, value: float) -> Point:
    """The options that give a parameter a value, wherever it is.

    Raises:
        ConfigError: If the config has nothing with this parameter, or the
            value is outside its range.
    """
    kind, place = (
        ('LocalMagnification', 'train_dataloader')
        if parameter in IMAGE
        else ('FeatureAugmentBackbone', 'model')
    )
    nodes = list(find_type(cfg[place], kind, place))
    if not nodes:
        raise ConfigError(
            f'The config has no {kind} in its {place}, so there '
            f'is no {parameter} to vary.'
        )
    argument = PARAMETERS[parameter].argument
    options = []
    for path, node in nodes:
        old = node.get(argument, default(kind, argument))
        new: Any = value
        if argument.endswith('_range'):
            new = (old[0], value)
        elif argument == 'after':
            new = f'{old.rstrip("0123456789")}{value}'
        changed = dict(node, **{argument: new})
        try:
            (TRANSFORMS if parameter in IMAGE else MODELS).build(changed)
        except ValueError as error:
            raise ConfigError(f'{parameter} = {value:g}: {error}') from error
        if new != old:
            text = str(new).replace(' ', '')
            options.append(f'{path}.{argument}={text}')
    name = f'{parameter.replace("_", "")}{value:g}' if options else BASIC
    return Point(parameter, value, name, tuple(options))


def default(kind: str, argument: str) -> Any:
    called = LocalMagnification if kind == 'LocalMagnification' else MODELS.get(kind)
    return inspect.signature(called).parameters[argument].default


def make_runs(points: list[Point], args: argparse.Namespace) -> list[Run]:
    """Seed by seed; a setting that several curves share is run once."""
    settings = {point.name: (args.config, point.options) for point in points}
    if args.baseline:
        settings['baseline'] = (args.baseline, ())
    return [
        Run(name, config, seed, args.work_dir, (*args.cfg_options, *options))
        for seed in args.seeds
        for name, (config, options) in settings.items()
    ]


def find_metric(results: Results, args: argparse.Namespace) -> str | None:
    """The metric that is drawn; None if there are no results.

    Raises:
        ResultsError: If the results do not have the one that was asked for.
    """
    known = [metric for _, metric in results.read() if metric != LOSS]
    if args.metric is None:
        return next((one for one in (*LABELS, *known) if one in known), None)
    if known and args.metric not in known:
        raise ResultsError(
            f'{args.csv} has no {args.metric}: give --metric one of '
            f'{", ".join(dict.fromkeys(known))}, and --collect draws it.'
        )
    return args.metric if known else None


def draw(
    points: list[Point], results: Results, args: argparse.Namespace, title: str
) -> bool:
    """Draw a panel for each parameter; False if there is nothing yet."""
    metric = find_metric(results, args)
    if metric is None:
        return False

    def values(name: str) -> np.ndarray:
        by_seed = results.values(name, metric)
        return np.array([by_seed[seed] for seed in args.seeds if seed in by_seed])

    parameters = list(args.grid)
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(1 + 3.2 * len(parameters), 3.6), layout='constrained')
        panels = figure.subplots(1, len(parameters), sharey=True, squeeze=False)
        for axes, parameter in zip(panels[0], parameters):
            series = [
                (point.value, values(point.name))
                for point in points
                if point.parameter == parameter
            ]
            series = [(x, ys) for x, ys in series if len(ys)]
            axes.errorbar(
                [x for x, _ in series],
                [ys.mean() for _, ys in series],
                [spread(ys) for _, ys in series],
                marker='o',
                capsize=4,
                label='LOMA',
            )
            baseline = values('baseline') if args.baseline else np.array([])
            if len(baseline):
                axes.axhline(baseline.mean(), color='C1', ls='--', label='baseline')
                axes.axhspan(
                    baseline.mean() - spread(baseline),
                    baseline.mean() + spread(baseline),
                    color='C1',
                    alpha=0.2,
                    lw=0,
                )
            axes.set_xlabel(PARAMETERS[parameter].label)
            axes.set_xticks(
                [point.value for point in points if point.parameter == parameter]
            )
            axes.grid(alpha=0.3)
        unit = ' (%)' if to_percent(metric, 1) != 1 else ''
        panels[0, 0].set_ylabel(LABELS.get(metric, metric + unit))
        if args.baseline:
            panels[0, -1].legend()
        figure.suptitle(title)
        save_figure(figure, args.out)
    return True


def spread(values: np.ndarray) -> float:
    """The sample standard deviation; none of a single value."""
    return values.std(ddof=1) if len(values) > 1 else 0.0


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    complete_arguments(args)
    options = parse_options(args.cfg_options)
    cfg = load_config(args.config, options)
    baseline = [load_config(args.baseline, options)] if args.baseline else []
    check_toolbox(cfg.get('default_scope'))
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    points = [
        make_point(cfg, parameter, value)
        for parameter, values in args.grid.items()
        for value in values
    ]
    runs = make_runs(points, args)
    are_trained = not (args.commands or args.collect)
    require_same_settings(runs, are_trained)
    if are_trained:
        for one in (cfg, *baseline):
            require_start(one)
            check_before_start(one, ('train', 'val'))
    results = Results(args.csv)
    problems = carry_out(runs, results, args)
    try:
        if not args.commands:
            finish(points, runs, results, args)
    finally:
        raise_problems(problems)


def finish(
    points: list[Point], runs: list[Run], results: Results, args: argparse.Namespace
) -> None:
    """Draw what is done."""
    done = sum(results.has(run.key, run.config_name) for run in runs)
    title = f'{Path(args.config).stem}: mean ± standard deviation of seeds'
    if done < len(runs):
        title += f' ({done} of {len(runs)} runs)'
    if draw(points, results, args, title):
        print(f'{args.csv}, {args.out}')
