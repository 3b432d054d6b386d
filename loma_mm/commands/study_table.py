"""A whole table of the paper: ``python -m loma_mm study --table N``."""

import argparse
import os.path as osp
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from mmengine.config import Config

from loma_mm.errors import UsageError
from loma_mm.experiments import Results, Run, require_same_settings
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
        "as 'CIFAR-10, ResNet-20' or Baseline; where some have it between their "
        'commas, no other',
    )


def rows_of(args: argparse.Namespace) -> list[Row]:
    """The rows of the table that are asked for."""
    every = [
        row for row in read_rows(configs_folder()) if row.part == f'Table {args.table}'
    ]
    if not args.rows:
        return every
    asked = set()
    for text in args.rows:
        # 07 is no part of 07+12, nor RC of RC + RF.
        found = {
            row for row in every if f', {text}, '.lower() in f', {row.row}, '.lower()
        }
        found = found or {row for row in every if text.lower() in row.row.lower()}
        if not found:
            raise UsageError(
                f'no row of Table {args.table} has {text} in its name: '
                f'they are {"; ".join(row.row for row in every)}'
            )
        asked |= found
    return [row for row in every if row in asked]


def runs_of(rows: Sequence[Row], args: argparse.Namespace) -> list[Run]:
    """A run of each config and seed; seed by seed, so that rows stay level."""
    configs = dict.fromkeys(row.config for row in rows)
    return [
        Run(name_of(config), config, seed, args.work_dir, tuple(args.cfg_options))
        for seed in args.seeds or SEEDS
        for config in configs
    ]


def check_batch_size(run: Run, cfg: Config, gpus: int, alone: str = '') -> None:
    """Raise an error unless a step takes as many images as the rate is for.

    Args:
        run (Run): The run.
        cfg (Config): Its config.
        gpus (int): Number of its processes.
        alone (str): Where other runs have rates for other numbers, the option
            that leaves them out. Defaults to ''.
    """
    wanted = cfg.get('auto_scale_lr', {}).get('base_batch_size')
    each = cfg.train_dataloader.batch_size
    if wanted and each * gpus != wanted:
        ways = [f'--gpus {wanted // each}'] if wanted % each == 0 else []
        if wanted % gpus == 0:
            ways.append(f'--cfg-options train_dataloader.batch_size={wanted // gpus}')
        way = ', or '.join(ways) or f'--gpus and a batch size that make {wanted}'
        if alone:
            way += f', and {alone} alone'
        raise UsageError(
            f'{run.config} is meant for {wanted} images a step, and {gpus} x {each} '
            f'are {each * gpus}: give {way}'
        )


def check_table(runs: Sequence[Run], gpus: int) -> None:
    """Raise an error for what would stop one of the runs, before the first."""
    cfgs = {
        run: load_config(run.config, parse_options(run.options))
        for run in {run.config: run for run in runs}.values()
    }
    sizes = {
        cfg.get('auto_scale_lr', {}).get('base_batch_size') for cfg in cfgs.values()
    }
    alone = '--rows of this network' if len(sizes) > 1 else ''
    for run, cfg in cfgs.items():
        check_batch_size(run, cfg, gpus, alone)
    for cfg in cfgs.values():
        require_start(cfg)
        check_before_start(cfg, ('train', 'val'))


def run_table(args: argparse.Namespace) -> None:
    """Train the rows of a table that have no result, and write it."""
    rows = rows_of(args)
    runs = runs_of(rows, args)
    results = Results(args.csv)
    problems = []
    if not args.report:
        are_trained = not (args.commands or args.collect)
        require_same_settings(runs, are_trained)
        if not args.collect:
            # What a download says is no job of --commands slurm > jobs.sh.
            with redirect_stdout(sys.stderr if args.commands else sys.stdout):
                check_table(runs, args.gpus)
        problems = carry_out(runs, results, args)
    if not args.commands:
        path = args.report or osp.join(args.work_dir, 'table.md')
        text = make_tables(results, rows, [])
        write_text(path, text)
        print(f'{text}\n{path} is written from {results.path}.')
    raise_problems(problems)
