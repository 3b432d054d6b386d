"""Tables in Markdown and what their cells hold."""

import statistics
from collections.abc import Sequence


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    rows: list[Sequence[str]] = [header, ['---'] * len(header), *lines]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def escape(text: str) -> str:
    """Text in which Markdown would read * and _ as emphasis."""
    return text.replace('*', '\\*').replace('_', '\\_')


def mean_and_sd(values: Sequence[float], digits: int = 2) -> str:
    """The mean and the sample standard deviation, if there is one."""
    mean = f'{statistics.mean(values):.{digits}f}'
    if len(values) < 2:
        return mean
    return f'{mean} ± {statistics.stdev(values):.{digits}f}'
