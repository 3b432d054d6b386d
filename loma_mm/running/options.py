"""``--cfg-options``, as OpenMMLab writes them and without loss.

MMEngine's parser deletes blanks and makes values of names: ``[traffic light]``
becomes ``trafficlight``, a folder ``/a b`` becomes ``/ab`` and a class ``true`` a
bool. Here a text stays what it is.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction

from loma_mm.errors import UsageError

# Ends of keys whose values are names of files, folders and runs.
NAMES = (
    'ann_file',
    'checkpoint',
    'data_root',
    'experiment_name',
    'load_from',
    'name',
    'test_list',
    'train_list',
    'type',
    '_dir',
    '_file',
    '_path',
    '_prefix',
    '_root',
    '_subdir',
)
# Below these keys every value is one.
FOLDERS = ('data_prefix',)
CLASSES = 'classes'
OPEN, CLOSE, QUOTES = '([', ')]', '\'"'


class ConfigOptions(argparse.Action):
    """An argparse action for KEY=VALUE words, see :func:`parse_options`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Put the words to those that are there."""
        try:
            options = parse_options(values or ())
        except UsageError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        before = getattr(namespace, self.dest, None) or {}
        setattr(namespace, self.dest, {**before, **options})


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """The keys and values of ``--cfg-options``.

    Numbers, ``true``, ``false``, ``None``, lists and tuples are written as for
    MMEngine: ``key=0.5``, ``key=a,b``, ``key="[a,b]"``, ``key="[(a,b),c]"``. Blanks
    around elements do not count, those within stay. What is quoted is text:
    ``key='["1","a, b"]'``. Classes are always text, and so are names of files,
    folders and runs, which only brackets make a list.

    Args:
        words (Sequence[str]): KEY=VALUE each.

    Raises:
        UsageError: If a word has no ``=`` or brackets do not match.

    Example:
        >>> parse_options(['classes=[traffic light,true]', 'lr=1e-3', 'a=(1,x)'])
        {'classes': ['traffic light', 'true'], 'lr': 0.001, 'a': (1, 'x')}
    """
    options = {}
    for word in words:
        key, equals, text = word.partition('=')
        if not equals or not key.strip():
            raise UsageError(f'must be KEY=VALUE, got {word!r}')
        options[key.strip()] = _parse(key.strip(), text)
    return options


def _parse(key: str, text: str) -> Any:
    parts = key.split('.')
    if parts[-1] == CLASSES:
        return parse_names(text)
    whole = text.strip()
    # OpenMMLab's pages quote lists once more than a shell takes away.
    if whole[:1] in QUOTES and whole[-1:] == whole[:1] and whole[1:2] in OPEN:
        text = whole[1:-1]
    if parts[-1].endswith(NAMES) or set(parts[:-1]).intersection(FOLDERS):
        if text.strip() == 'None':
            return None
        if not _bracketed(text.strip()):
            return _unquote(text)
    return _value(text, top=True)


def parse_names(text: str) -> list[str]:
    """The class names in the text of an option, each as it is written.

    Example:
        >>> parse_names('[a b, 01, "c,d"]'), parse_names('Cat')
        (['a b', '01', 'c,d'], ['Cat'])
    """
    text = text.strip()
    if text[:1] in QUOTES and text[-1:] == text[:1] and text[1:2] in OPEN:
        text = text[1:-1].strip()
    if _bracketed(text):
        text = text[1:-1]
    return [_unquote(part.strip()) for part in _split(text)]


def write_names(names: Sequence[str]) -> str:
    """The option that :func:`parse_names` reads as these names, for a shell.

    Example:
        >>> print(write_names(['traffic light', 'dog']))
        classes="[traffic light,dog]"
    """
    quoted = [_quote(str(name)) for name in names]
    text = f'[{",".join(quoted)}]'
    for mark in '\\"$`':
        text = text.replace(mark, f'\\{mark}')
    return f'classes="{text}"'


def _quote(name: str) -> str:
    if name != name.strip() or set(name) & set(',()[]') or name[:1] in QUOTES:
        mark = '"' if "'" in name else "'"
        return f'{mark}{name}{mark}'
    return name


def _value(text: str, top: bool = False) -> Any:
    text = text.strip()
    if _is_quoted(text):
        return text[1:-1]
    if not _bracketed(text):
        if not top or ',' not in text:
            # Numbers, bools and None, of which MMEngine knows how to write them.
            return DictAction._parse_int_float_bool(text)
        return [_value(part) for part in _split(text)]
    values = [_value(part) for part in _split(text[1:-1])]
    return tuple(values) if text[0] == '(' else values


def _split(text: str) -> list[str]:
    """What stands between the commas that are in no bracket and no quotes."""
    parts, start, depth, quote = [], 0, 0, ''
    for i, mark in enumerate(text):
        if quote:
            # A quote ends where its element does.
            if mark == quote and text[i + 1 :].lstrip()[:1] in ('', ',', *CLOSE):
                quote = ''
        elif mark in QUOTES and text[start:i].strip(' ([') == '':
            # An apostrophe within a name opens nothing.
            quote = mark if mark in text[i + 1 :] else ''
        elif mark in OPEN or mark in CLOSE:
            depth += 1 if mark in OPEN else -1
        elif mark == ',' and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    if depth:
        raise UsageError(f'the brackets of {text!r} do not match')
    if text[start:].strip():
        parts.append(text[start:])
    return parts


def _bracketed(text: str) -> bool:
    return (text[:1], text[-1:]) in zip(OPEN, CLOSE)


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] in QUOTES and text[-1] == text[0]


def _unquote(text: str) -> str:
    return text[1:-1] if _is_quoted(text) else text
