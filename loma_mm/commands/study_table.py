"""A whole table of the paper: ``python -m loma_mm study --table N``."""

import argparse
import os.path as osp
from collections.abc import Sequence

from mmengine.config import Config

from loma_mm.errors import UsageError
from loma_mm.experiments import Results, Run
from loma_mm.experiments.paper import PARTS, Row, read_rows
from loma_mm.files import write_text
from loma_mm.running import (
    check_before_start,
    configs_folder,
    load_config,
    require_start,
)
from loma_mm.running.options import parse_options

from .experiment_arguments import carry_out, raise_problems
from .tables import make_tables, name_of

TABLES = tuple(
    int(name.removeprefix('Table ')) for name in PARTS if name.startswith('Table ')
)
SEEDS = (0, 1, 2)


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what names a table and its rows."""
    parser.add_argument(
        '--table',
        type=int,
        choices=TABLES,
        help='train and tabulate this table of the paper, in '
        'WORK_DIR/tableN, instead of the study',
    )
    parser.add_argument(
        '--rows',
        nargs='+',
        metavar='TEXT',
        help='of --table: those rows alone whose name has one of these texts, '
        "as 'CIFAR-10, ResNet-20' or Baseline",
    )


def rows_of(args: argparse.Namespace) -> list[Row]:
    """The rows of the table that are asked for."""
    every = [
        row for row in read_rows(configs_folder()) if row.part == f'Table {args.table}'
    ]
    texts = [text.lower() for text in args.rows or ['']]
    rows = [row for row in every if any(text in row.row.lower() for text in texts)]
    if not rows:
        raise UsageError(
            f'no row of Table {args.table} has {" or ".join(args.rows)} in its name: '
            f'they are {"; ".join(row.row for row in every)}'
        )
    return rows


def runs_of(rows: Sequence[Row], args: argparse.Namespace) -> list[Run]:
    """A run of each config and seed; seed by seed, so that rows stay level."""
    configs = dict.fromkeys(row.config for row in rows)
    return [
        Run(name_of(config), config, seed, args.work_dir, tuple(args.cfg_options))
        for seed in args.seeds or SEEDS
        for config in configs
    ]


def check_batch_size(run: Run, cfg: Config, gpus: int) -> None:
    """Raise an error unless a step takes as many images as the rate is for."""
    wanted = cfg.get('auto_scale_lr', {}).get('base_batch_size')
    each = cfg.train_dataloader.batch_size
    if wanted and each * gpus != wanted:
        raise UsageError(
            f'{run.config} is meant for {wanted} images a step, and {gpus} x {each} '
            f'are {each * gpus}: give --gpus {max(wanted // each, 1)}, or '
            f'--cfg-options train_dataloader.batch_size={max(wanted // gpus, 1)}'
        )


def run_table(args: argparse.Namespace) -> None:
    """Train the rows of a table that have no result, and write it."""
    rows = rows_of(args)
    runs = runs_of(rows, args)
    results = Results(args.csv)
    problems = []
    if not args.report:
        if not args.collect:
            for run in {run.config: run for run in runs}.values():
                cfg = load_config(run.config, parse_options(run.options))
                check_batch_size(run, cfg, args.gpus)
                require_start(cfg)
                check_before_start(cfg, ('train', 'val'))
        problems = carry_out(runs, results, args)
    if not args.commands:
        path = args.report or osp.join(args.work_dir, 'table.md')
        text = make_tables(results, rows, [])
        write_text(path, text)
        print(f'{text}\n{path} is written from {results.path}.')
    raise_problems(problems)
