"""What the user reads first is ours; what toolboxes print goes to the log."""

import contextlib
import io
import logging
import os.path as osp
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from mmengine.logging import MMLogger

PACKAGE = osp.dirname(osp.dirname(osp.abspath(__file__))) + osp.sep

# What was printed before there was a log file to put it into.
_aside: list[str] = []


@contextlib.contextmanager
def imports_aside() -> Iterator[None]:
    """Keep what toolboxes print and warn of as they are imported or built."""
    # Handlers that exist already write to the terminal they know.
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    finally:
        if printed.getvalue():
            _aside.append(printed.getvalue().rstrip('\n'))


@contextlib.contextmanager
def warnings_aside() -> Iterator[None]:
    """Send warnings of other packages to the log, show those of our own."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def showwarning(message: Any, category: Any, filename: str, *args: Any) -> None:
            if osp.abspath(filename).startswith(PACKAGE):
                print(f'Note: {message}', file=sys.stderr)
            elif filename.endswith('.py') or category is not None:
                _put(warnings.formatwarning(message, category, filename, *args[:1]))
            else:
                show(message, category, filename, *args)

        warnings.showwarning = showwarning
        yield


class _ForTheFile(logging.Filter):
    """Keep what is for the log file alone from the terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Of the Runner: the environment, the config, the table of hooks.
        table = record.pathname.endswith(osp.join('runner', 'runner.py'))
        aside = getattr(record, 'aside', False)
        return record.levelno >= logging.ERROR or not (
            aside or (table and '\n' in record.getMessage())
        )


def tidy(logger: MMLogger) -> None:
    """Send what no user reads first to the file of a logger alone."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(_ForTheFile())
    while _aside:
        _log(logger, _aside.pop(0))


def _put(text: str) -> None:
    if MMLogger.check_instance_created('mmengine') or MMLogger._instance_dict:
        _log(MMLogger.get_current_instance(), text)
    else:
        _aside.append(text)


def _log(logger: logging.Logger, text: str) -> None:
    logger.info(text.rstrip('\n'), extra=dict(aside=True))
