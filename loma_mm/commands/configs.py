"""Find a shipped config: by model, dataset, method or row of the paper.

    python -m loma_mm configs                 # all of them
    python -m loma_mm configs resnet20 cifar100 if-fo
    python -m loma_mm configs voc07 --path    # where the files are

The number beside a config is the paper's, and not a result of this code. A
name from this list can be given to the other commands in place of a file.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loma_mm.errors import ConfigError
from loma_mm.experiments.paper import PARTS, read_rows
from loma_mm.running import configs_folder, shipped_configs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        'words',
        nargs='*',
        help='each must be in the name of the config or in its row of the paper; '
        'case does not matter',
    )
    parser.add_argument(
        '--path', action='store_true', help='print the paths of the files alone'
    )


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    folder = configs_folder()
    rows: dict[str, list] = {config: [] for config in shipped_configs()}
    for row in read_rows(folder):
        rows[row.config].append(row)
    found = [
        config
        for config, own in rows.items()
        if all(
            word.lower()
            in ' '.join([config, *(f'{row.part} {row.row}' for row in own)]).lower()
            for word in args.words
        )
    ]
    if not found:
        raise ConfigError(
            f'No shipped config has all of {", ".join(args.words)}: python -m loma_mm '
            'configs lists them all.'
        )
    if args.path:
        print(*(folder / config for config in found), sep='\n')
        return
    table = Table(box=None, pad_edge=False)
    for title in ('config', 'row of the paper', "the paper's number"):
        table.add_column(title, overflow='fold')
    for config in found:
        own = rows[config]
        table.add_row(
            Path(config).stem,
            '\n'.join(f'{row.part}: {row.row}' for row in own),
            '\n'.join(_number(row) for row in own),
        )
    console = Console()
    # In a pipe a line is a line, however wide.
    Console(width=None if console.is_terminal else 200).print(table)


def _number(row) -> str:
    return f'{row.paper} ({PARTS[row.part].unit})' if row.paper else '-'
