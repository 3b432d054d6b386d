"""One annotation in VOC's XML, and its image."""

from collections import Counter
from pathlib import Path

from loma_mm.datasets.image_check import image_size
from loma_mm.datasets.image_files import find_image
from loma_mm.datasets.voc_xml import AnnotationError, read_voc_xml
from loma_mm.errors import DataError

from .found import Problem, unreadable


class BrokenAnnotationError(Exception):
    """An annotation that training could not read: the arguments of a Problem."""


def read_annotation(
    path: Path, img_dir: Path, name: str, sizes: Counter, problems: list[Problem]
) -> Counter:
    """Read one XML file as training does, and look at its image.

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
        annotation = read_voc_xml(str(path))
    except AnnotationError as error:
        raise BrokenAnnotationError(error.where, error.kind, error.detail) from error
    img_path = find_image(str(img_dir), name)
    if img_path is None:
        raise BrokenAnnotationError(
            str(path), 'no image', f'there is no image {img_dir / name}.*'
        )
    try:
        width, height = image_size(img_path)
    except DataError as error:
        problem = unreadable(img_path, error)
        raise BrokenAnnotationError(
            problem.path, problem.kind, problem.detail
        ) from error
    said = annotation.size
    if said is not None and said != (width, height):
        problems.append(
            Problem(
                str(path),
                'another size than its image has',
                f'it says {said[0]} x {said[1]} and {img_path} has {width} x {height}',
            )
        )
    found: Counter = Counter()
    for one in annotation.objects:
        wrong = _what_is_wrong(one.box, width, height)
        if wrong:
            problems.append(
                Problem(
                    str(path),
                    wrong,
                    f'{one.name} {one.box} {wrong}, {width} x {height} px',
                )
            )
        found[one.name] += 1
    sizes[width, height] += 1
    return found


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
