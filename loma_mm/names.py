"""Names that people give to classes, folders and options, in messages."""

import difflib
from collections.abc import Iterable, Sequence


def nearest(name: str, known: Iterable[str], cutoff: float = 0.75) -> str | None:
    """The name that was probably meant.

    Args:
        name (str): What somebody wrote.
        known (Iterable[str]): What there is.
        cutoff (float): How near it must be, from 0 to 1.

    Returns:
        str | None: The same but for case and blanks, or nearly; else None.

    Example:
        >>> nearest('Cat', ['dog', 'cat']), nearest('horse', ['dog', 'cat'])
        ('cat', None)
    """
    plain = {_plain(one): one for one in known}
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return ''.join(name.split()).casefold()


def some(names: Sequence[object], shown: int = 10) -> str:
    """The first names of many, with how many more there are.

    Example:
        >>> some(['cat', 'dog', 'fish'], shown=2)
        'cat, dog and 1 more'
    """
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return ', '.join(map(str, names[:shown])) + more


def count(number: int, what: str) -> str:
    """A number with its noun.

    Example:
        >>> count(1, 'box'), count(2, 'object')
        ('1 box', '2 objects')
    """
    plural = 'es' if what.endswith(('s', 'x')) else 's'
    return f'{number} {what}' + (plural if number != 1 else '')
