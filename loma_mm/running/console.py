"""What the user reads first is ours; what toolboxes print goes to the log."""

import contextlib
import io
import logging
import os.path as osp
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from logging.handlers import MemoryHandler
from typing import Any, TextIO

from loma_mm.errors import LomaError, LomaWarning
from loma_mm.files import FULL

# For the log file alone; :func:`quiet` holds it back until there is one.
aside = logging.getLogger(__name__)
aside.propagate = False
aside.setLevel(logging.INFO)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of other packages off the terminal, show our own.

    They go to the log file of the runner that is built meanwhile. Without
    one nobody misses them, unless the block ends in an error that it did not
    foresee: then they are shown before it.
    """
    held = MemoryHandler(1, flushOnClose=False)
    before, aside.handlers = aside.handlers, [held]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            yield
    except Exception as error:
        if held.target is None and not isinstance(error, LomaError):
            held.setTarget(logging.StreamHandler(sys.stderr))
            held.flush()
        raise
    finally:
        aside.handlers = before
        held.close()


def _show_warning(
    message: Any, category: type[Warning], filename: str, lineno: int, *args: Any
) -> None:
    if issubclass(category, LomaWarning):
        print(f'Note: {message}', file=sys.stderr)
    else:
        text = warnings.formatwarning(message, category, filename, lineno)
        aside.info(text.rstrip('\n'))


def terminal() -> TextIO:
    """Where bars of progress go: the terminal, or nowhere in a pipe."""
    return sys.stdout if sys.stdout.isatty() else io.StringIO()


@contextlib.contextmanager
def imports_aside() -> Iterator[None]:
    """Within :func:`quiet`, keep what toolboxes print as they are imported."""
    if not aside.handlers:
        yield
        return
    printed = io.StringIO()
    try:
        # Handlers of loggers that exist write to the terminal they know.
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    finally:
        if printed.getvalue().strip():
            aside.info(printed.getvalue().rstrip('\n'))


def tidy(logger: logging.Logger) -> None:
    """Make the file of a logger the place for what was and is kept aside.

    Args:
        logger (logging.Logger): Of a runner, which has one handler for the
            terminal and, in the first process, one for the file.
    """
    file: logging.Handler = logging.NullHandler()
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            file = handler
            handler.handleError = partial(_without_disk, handler)  # type: ignore
        else:
            handler.addFilter(_is_for_the_terminal)
    for held in aside.handlers:
        if isinstance(held, MemoryHandler):
            held.setTarget(file)
            held.flush()


def _without_disk(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Print no trace for each line of a log for which the disk has no room.

    What cannot do without the disk says it.
    """
    if getattr(sys.exc_info()[1], 'errno', None) not in FULL:
        logging.Handler.handleError(handler, record)


def _is_for_the_terminal(record: logging.LogRecord) -> bool:
    """Leave out the Runner's environment, config and table of hooks.

    And what MMEngine logs of its own deprecated parts, which toolboxes use.
    """
    text = record.getMessage()
    if record.levelno >= logging.ERROR:
        return True
    if record.levelno == logging.WARNING:
        return 'deprecated in' not in text
    return '\n' not in text or osp.basename(record.pathname) != 'runner.py'
