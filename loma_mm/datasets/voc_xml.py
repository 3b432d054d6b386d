"""VOC's XML, as people and their tools write it."""

from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from loma_mm.errors import DataError

SIDES = ('xmin', 'ymin', 'xmax', 'ymax')


class AnnotationError(DataError):
    """An annotation that cannot be read.

    Args:
        where (str): The file, with ``:line`` where there is one.
        kind (str): What is wrong, the same words for the same thing.
        detail (str): What is special here.
    """

    def __init__(self, where: str, kind: str = '', detail: str = '') -> None:
        # With the message alone, as a worker of a data loader makes it again.
        super().__init__(f'{where}: {detail or kind}.' if kind else where)
        self.where, self.kind, self.detail = where, kind, detail


class VOCObject(NamedTuple):
    """An object: its box in whole pixels, of which the first is 1."""

    name: str
    box: tuple[int, ...]
    difficult: bool


class VOCAnnotation(NamedTuple):
    """What one file says.

    Args:
        size (tuple[int, int] | None): Width and height in pixels, None where
            it does not say them.
        objects (list[VOCObject]): In the order of the file.
    """

    size: tuple[int, int] | None
    objects: list[VOCObject]


def read_voc_xml(path: str, data: bytes | None = None) -> VOCAnnotation:
    """Read an annotation.

    As MMDetection's XMLDataset reads it, with what has one meaning alone:
    sizes such as ``80.0``, no size or none of a number, blanks around a name,
    ``<difficult>Unspecified``.

    Args:
        path (str): The file.
        data (bytes, optional): What is in it. Defaults to reading it.

    Raises:
        AnnotationError: If it cannot be read, naming the line where it can.
    """
    if data is None:
        try:
            with open(path, 'rb') as file:
                data = file.read()
        except OSError as error:
            raise AnnotationError(
                path, 'XML that cannot be read', error.strerror or str(error)
            ) from error
    root = _parse(path, data)
    if root.tag != 'annotation':
        raise AnnotationError(
            path, 'no VOC annotation', f'its root is {root.tag}, not annotation'
        )
    objects = []
    for i, node in enumerate(root.findall('object')):
        try:
            objects.append(_read_object(node))
        except ValueError as error:
            kind, detail = error.args
            raise AnnotationError(
                f'{path}:{_line_of_object(data, i)}', kind, detail
            ) from error
    return VOCAnnotation(_read_size(root), objects)


def _parse(path: str, data: bytes) -> ElementTree.Element:
    # Nobody who annotates needs entities of his own, and a stranger's may fill
    # the memory or name files. Expat takes no encoding in which the word has
    # other bytes than these, beside UTF-16.
    if b'<!ENTITY' in data.replace(b'\0', b''):
        raise AnnotationError(
            path,
            'XML that defines entities',
            'it defines entities, which no annotation needs and which can do harm',
        )
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line, column = error.position
        what = expat.ErrorString(error.code)
        if not data.strip():
            what = 'the file is empty'
        elif error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
            what = 'the file ends before its elements do'
        elif what == 'not well-formed (invalid token)':
            what += f' at column {column + 1}{_hint(data, line)}'
        raise AnnotationError(
            f'{path}:{line}', 'XML that cannot be read', what
        ) from error
    except (ValueError, LookupError) as error:
        raise AnnotationError(path, 'XML that cannot be read', str(error)) from error


def _hint(data: bytes, line: int) -> str:
    """Why XML of one line is probably none."""
    text = data.split(b'\n')[line - 1] if line <= data.count(b'\n') + 1 else b''
    try:
        text.decode('utf-8')
    except UnicodeDecodeError:
        return ', which is not UTF-8: save it as UTF-8, or declare its encoding'
    return ', where & must be &amp; and < must be &lt;' if b'&' in text else ''


def _line_of_object(data: bytes, index: int) -> int:
    """Where an object begins. ElementTree does not keep lines."""
    parser = expat.ParserCreate()
    lines: list[int] = []
    depth = 0

    def start(name: str, attributes: dict) -> None:
        nonlocal depth
        depth += 1
        if depth == 2 and name == 'object':
            lines.append(parser.CurrentLineNumber)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(data, True)
    return lines[index]


def _read_size(root: ElementTree.Element) -> tuple[int, int] | None:
    try:
        width, height = (
            int(float(root.findtext(f'size/{side}', '')))
            for side in ('width', 'height')
        )
    except (ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _read_object(node: ElementTree.Element) -> VOCObject:
    """Raises ValueError with kind and detail of an AnnotationError."""
    name = (node.findtext('name') or '').strip()
    if not name:
        raise ValueError('an object without a name', 'the object has no name')
    box = node.find('bndbox')
    if box is None:
        raise ValueError('an object without a box', f'the object {name} has no bndbox')
    values = []
    for side in SIDES:
        text = (box.findtext(side) or '').strip()
        try:
            # No number that is none, nor infinity.
            values.append(int(float(text)))
        except (ValueError, OverflowError):
            said = f'and its {side} is {text!r}' if text else f'and has no {side}'
            raise ValueError(
                'an object without a box of four numbers',
                f'the object {name} has no box of four numbers, {said}',
            ) from None
    return VOCObject(name, tuple(values), _difficult(node.findtext('difficult')))


def _difficult(text: str | None) -> bool:
    """Only a number but 0 or a yes says so; other words say nothing."""
    text = (text or '').strip().lower()
    try:
        return float(text) != 0
    except ValueError:
        return text in ('true', 'yes')
