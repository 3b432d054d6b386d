"""Say in plain words what is installed, what fits together, and what is missing.

    python -m loma_mm doctor
    python -m loma_mm doctor --config CONFIG   # and this config with its data

Each thing that is not as it should be has a line with what to do about it. Works
where the toolboxes cannot be imported. The exit code is 1 if something is wrong.
"""

import argparse

from loma_mm.doctor import check_all
from loma_mm.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--config',
        help='a config file, or the name of a shipped one, to check with its data as '
        'train checks it',
    )


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    wrong = 0
    for title, findings in check_all(args.config):
        print(f'\n{title}')
        for finding in findings:
            print(finding, flush=True)
            wrong += finding.level == 'wrong'
    print()
    if wrong:
        raise SetupError(
            f'{wrong} {"things are" if wrong > 1 else "thing is"} wrong: see the lines '
            'above that begin so.'
        )
    print('Nothing is wrong.')
