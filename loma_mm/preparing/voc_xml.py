"""One annotation in VOC's XML."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from loma_mm.datasets.image_files import find_image
from loma_mm.errors import DataError

from .found import Problem, image_size


class BrokenAnnotationError(Exception):
    """An annotation that training could not read: the arguments of a Problem."""


def read_annotation(
    path: Path, img_dir: Path, name: str, sizes: Counter, problems: list[Problem]
) -> Counter:
    """Read one XML file as MMDetection's XMLDataset does.

    Args:
        path (Path): The file.
        img_dir (Path): The folder of its image.
        name (str): The image's name in there, without suffix.
        sizes (Counter): Gets one more image of its width and height.
        problems (list[Problem]): Gets what is wrong and can be borne.

    Returns:
        Counter: Objects by class.

    Raises:
        BrokenAnnotationError: If training would end at it.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise BrokenAnnotationError(
            f'{path}:{line}', 'XML that cannot be read', f'{error}'
        ) from error
    except (OSError, ValueError, LookupError) as error:
        raise BrokenAnnotationError(
            str(path), 'XML that cannot be read', f'{error}'
        ) from error
    if root.tag != 'annotation':
        raise BrokenAnnotationError(
            str(path), 'no VOC annotation', f'its root is {root.tag}, not annotation'
        )
    img_path = find_image(str(img_dir), name)
    if img_path is None:
        raise BrokenAnnotationError(
            str(path), 'no image', f'there is no image {img_dir / name}.*'
        )
    try:
        width, height = image_size(img_path)
    except DataError as error:
        raise BrokenAnnotationError(
            img_path, 'an image that cannot be opened'
        ) from error
    said = _said_size(path, root)
    if said is not None and said != (width, height):
        problems.append(
            Problem(
                str(path),
                'another size than its image has',
                f'it says {said[0]} x {said[1]} and {img_path} has {width} x {height}',
            )
        )
    found: Counter = Counter()
    for i, node in enumerate(root.findall('object')):
        label, box = _read_object(path, i, node)
        wrong = _what_is_wrong(box, width, height)
        if wrong:
            problems.append(
                Problem(
                    str(path), wrong, f'{label} {box} {wrong}, {width} x {height} px'
                )
            )
        found[label] += 1
    sizes[width, height] += 1
    return found


def _said_size(path: Path, root: ElementTree.Element) -> tuple[int, int] | None:
    size = root.find('size')
    if size is None:
        return None
    try:
        return int(size.findtext('width', '')), int(size.findtext('height', ''))
    except ValueError as error:
        raise BrokenAnnotationError(
            str(path),
            'a size that is no whole number',
            f'its size is {size.findtext("width")} x {size.findtext("height")}',
        ) from error


def _read_object(
    path: Path, i: int, node: ElementTree.Element
) -> tuple[str, tuple[float, ...]]:
    """Name and box, as MMDetection's XMLDataset reads them."""
    label = node.findtext('name')
    if not label:
        raise BrokenAnnotationError(
            str(path), 'an object without a name', f'object {i} has no name'
        )
    box = node.find('bndbox')
    if box is None:
        raise BrokenAnnotationError(
            str(path),
            'an object without a box',
            f'object {i}, {label}, has no bndbox',
        )
    try:
        int(node.findtext('difficult', '0'))
        values = [float(box.findtext(k, '')) for k in ('xmin', 'ymin', 'xmax', 'ymax')]
        # No number that is none, nor infinity.
        return label, tuple(map(int, values))
    except (ValueError, OverflowError) as error:
        raise BrokenAnnotationError(
            str(path), 'an object that cannot be read', f'object {i}, {label}: {error}'
        ) from error


def _what_is_wrong(box: tuple[float, ...], width: int, height: int) -> str:
    """Of a box in VOC's coordinates: the first pixel is 1."""
    x_min, y_min, x_max, y_max = box
    if x_max <= x_min or y_max <= y_min:
        return 'has no width or height'
    if x_min > width or y_min > height or x_max < 1 or y_max < 1:
        return 'is outside the image'
    # A box that ends where the image does may be counted from 0 or from 1.
    if x_min < 0 or y_min < 0 or x_max > width + 1 or y_max > height + 1:
        return 'is partly outside the image'
    return ''
