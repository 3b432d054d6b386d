"""Tables in Markdown and what their cells hold."""

from collections.abc import Sequence

import numpy as np


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    rows: list[Sequence[str]] = [header, ['---'] * len(header), *lines]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def escape(text: str) -> str:
    """Text in which Markdown would read * and _ as emphasis."""
    return text.replace('*', '\\*').replace('_', '\\_')


def mean_and_sd(values: Sequence[float], digits: int = 2) -> str:
    """The mean and the sample standard deviation, if there is one."""
    # Python's statistics take no nan, which a file of results may hold.
    mean = f'{np.mean(values):.{digits}f}'
    if len(values) < 2:
        return mean
    return f'{mean} ± {np.std(values, ddof=1):.{digits}f}'
