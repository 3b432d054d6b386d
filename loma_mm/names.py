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


def is_slip(name: str, meant: str) -> bool:
    """Whether a name is another but for one letter too many, too few, or wrong.

    Or two that changed places. Words of one letter, such as x and y, differ on
    purpose, and so may short names, such as fpn and rpn.

    Example:
        >>> is_slip('intervl', 'interval'), is_slip('rel_pos_h', 'rel_pos_w')
        (True, False)
    """
    start = 0
    while name[start : start + 1] == meant[start : start + 1] != '':
        start += 1
    odd, right = name[start:], meant[start:]
    while odd and right and odd[-1] == right[-1]:
        odd, right = odd[:-1], right[:-1]
    if len(odd) == len(right) == 1:
        after = name[start + 1 : start + 2]
        alone = name[:start][-1:] in ('', '_') and after in ('', '_')
        return len(name) > 3 and not alone
    return {len(odd), len(right)} == {0, 1} or (len(odd) == 2 and odd == right[::-1])


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


def shown(value: object, most: int = 200) -> str:
    """A value as Python writes it, cut off where that is long.

    Example:
        >>> shown('cat'), shown([1, 2, 3], most=4)
        ("'cat'", '[1, ...')
    """
    try:
        text = repr(value)
    except Exception:
        # Python writes no integer of more than 4,300 digits.
        text = f'one of {type(value).__name__} that cannot be written'
    return text if len(text) <= most else f'{text[:most]}...'


def count(number: int, what: str) -> str:
    """A number with its noun.

    Example:
        >>> count(1, 'box'), count(2, 'object')
        ('1 box', '2 objects')
    """
    plural = 'es' if what.endswith(('s', 'x')) else 's'
    return f'{number} {what}' + (plural if number != 1 else '')
