"""``python -m loma_mm COMMAND ...``: every command of the package."""

import argparse
import contextlib
import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence

from loma_mm.errors import LomaError, RunError, UsageError
from loma_mm.files import FULL

# Command: its module in loma_mm.commands and what it does.
COMMANDS = {
    'doctor': ('doctor', 'say what is installed, what fits, and what is missing'),
    'prepare': ('prepare', 'make your own data ready: lists and a config'),
    'train': ('train', 'train a detector or a classifier'),
    'test': ('test', 'test a checkpoint'),
    'browse': ('browse', 'draw samples before and after the training pipeline'),
    'play': ('play', 'try settings of LOMA on a page in the browser'),
    'detect': ('detect', 'draw what a detector finds in its test set'),
    'configs': ('configs', 'find a shipped config and the number of the paper'),
    'draw-loma': ('draw_loma', 'draw what LOMA does to images: Figures 1 to 3'),
    'draw-feature-maps': (
        'draw_feature_maps',
        'draw FeatureMap Offset and LOMA_F on feature maps: Figure 4',
    ),
    'draw-cam': ('draw_cam', 'draw class activation maps: Figure 5'),
    'sweep': ('sweep', 'train with other settings of LOMA and plot: Figure 6'),
    'occlusion': ('occlusion', 'test classifiers under occlusion: Figure 7'),
    'tables': ('tables', "collect runs into the paper's tables"),
    'study': ('study', 'compare the methods on two small datasets'),
    'make-digits': ('make_digits', "write the demo's dataset of digits"),
    'list-images': ('list_images', 'list the first images of each class'),
    'config-index': ('config_index', 'write the index of all configs'),
}
# These import no toolbox, which may be what is broken.
WITHOUT_TOOLBOX = ('doctor',)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    What a user can mend is a sentence on the standard error.

    Args:
        argv (Sequence[str], optional): The command and its arguments.
            Defaults to those of the process.

    Returns:
        int: 0, or 1 where the command did not do what was asked, or 2 where
        the command line was wrong.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another language may know no ±.
        sys.stdout.reconfigure(errors='backslashreplace')
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:
        return _overview(words)
    command = words.pop(0)
    if command in WITHOUT_TOOLBOX:
        return _run(command, words)
    from loma_mm.running.console import quiet

    with quiet():
        return _run(command, words)


def _run(command: str, words: Sequence[str]) -> int:
    module = importlib.import_module(f'loma_mm.commands.{COMMANDS[command][0]}')
    parser = argparse.ArgumentParser(
        prog=f'python -m loma_mm {command}',
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    try:
        args = parser.parse_args(words)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        with _guard(command, args), _full_disk_in_words():
            module.run(args)
        sys.stdout.flush()
    except UsageError as error:
        parser.print_usage(sys.stderr)
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return error.exit_code
    except LomaError as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print('\nStopped.', file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output, as head does, has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _guard(command: str, args: argparse.Namespace) -> contextlib.AbstractContextManager:
    """Let no checkpoint run code, unless the user trusts it."""
    if command in WITHOUT_TOOLBOX:
        return contextlib.nullcontext()
    from loma_mm.running.trust import guarded

    return guarded(getattr(args, 'trust_checkpoint', False))


@contextlib.contextmanager
def _full_disk_in_words() -> Iterator[None]:
    """Whatever was written when it was full, pictures and logs too."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f' for {error.filename}' if error.filename else ''
        raise RunError(
            f'No space is left on the disk{where}: make room and type the command '
            'again; train goes on with --resume.'
        ) from error


def _overview(words: Sequence[str]) -> int:
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {what}' for name, (_, what) in COMMANDS.items()]
    text = '\n'.join(
        [
            'usage: python -m loma_mm COMMAND ...',
            '',
            *lines,
            '',
            'python -m loma_mm COMMAND --help says more of each.',
        ]
    )
    if words and words[0] in ('-h', '--help'):
        print(text)
        return 0
    if words and words[0] == '--version':
        from loma_mm.version import __version__

        print(f'loma_mm {__version__}')
        return 0
    print(text, file=sys.stderr)
    if words:
        print(f'\nThere is no command {words[0]!r}.', file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
