"""Make a small dataset of real handwritten digits, for the demos and tests.

The digits are scikit-learn's bundled ones (1,797 images of 8x8, from the UCI
Optical Recognition of Handwritten Digits set); no digit image appears in both
splits, and the same seed gives the same files.

    python -m loma_mm make-digits voc data/digits-voc
    python -m loma_mm make-digits folder data/digits

'voc' is for detection, in VOC layout: scenes that hold several digits at
random sizes, places and contrasts on a cluttered background. 'folder' is for
classification: the digits as they are, train/<class>/ and test/<class>/.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import mmcv
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from loma_mm.errors import DataError, UsageError

from .arguments import output_folder, positive, seed

CLASSES = (
    'zero',
    'one',
    'two',
    'three',
    'four',
    'five',
    'six',
    'seven',
    'eight',
    'nine',
)
# A rendered digit: class index and its box (x_min, y_min, x_max, y_max),
# pixels, upper ends exclusive.
Instance = tuple[int, tuple[int, int, int, int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('layout', choices=['voc', 'folder'])
    parser.add_argument(
        'out', type=output_folder, help='folder to write, must not exist'
    )
    parser.add_argument('--seed', type=seed, default=0)
    voc = parser.add_argument_group('scenes (voc)')
    voc.add_argument('--train', type=positive, default=800, help='train scenes')
    voc.add_argument('--test', type=positive, default=200, help='test scenes')
    voc.add_argument('--size', type=int, default=160, help='scene side, px')


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a UsageError if the arguments contradict each other."""
    if args.size < 48:
        raise UsageError('--size must be at least 48, the largest digit')


def background(size: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth colour noise crossed by strokes: (size, size, 3), float32."""
    coarse = rng.uniform(40, 215, (rng.integers(2, 6), rng.integers(2, 6), 3))
    img = cv2.resize(
        coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(rng.integers(4, 12)):
        ends = rng.integers(0, size, 4).tolist()
        colour = rng.uniform(0, 255, 3).tolist()
        cv2.line(img, ends[:2], ends[2:], colour, int(rng.integers(1, 3)), cv2.LINE_AA)
    noise = rng.normal(0, 6, img.shape)
    return img + np.asarray(noise, np.float32)


def place_digit(
    img: np.ndarray, digit: np.ndarray, taken: np.ndarray, rng: np.random.Generator
):
    """Draw one 8x8 digit into ``img`` where ``taken`` is free.

    Returns:
        tuple | None: The box of its ink, or None where no free place for it
        was found.
    """
    size = img.shape[0]
    height = int(rng.integers(18, 49))
    width = min(int(height * rng.uniform(0.75, 1.1)), size)
    ink = cv2.resize(
        digit.astype(np.float32) / 16, (width, height), interpolation=cv2.INTER_CUBIC
    ).clip(0, 1)
    rows, cols = (np.flatnonzero((ink > 0.3).any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    height, width = ink.shape
    for _ in range(20):
        x = int(rng.integers(0, size - width + 1))
        y = int(rng.integers(0, size - height + 1))
        place = np.s_[y : y + height, x : x + width]
        if taken[place].mean() < 0.05:
            break
    else:
        return None
    taken[place] = True
    # Ink darker or lighter than what it covers, at least 70 grey levels away.
    mean = img[place].mean()
    contrast = rng.uniform(70, 130)
    level = mean + contrast if mean < 128 else mean - contrast
    colour = level + rng.normal(0, 15, 3)
    img[place] += ink[..., None] * (colour.astype(np.float32) - img[place])
    return x, y, x + width, y + height


def make_scene(
    digits: np.ndarray, labels: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[Instance]]:
    """One scene: (size, size, 3) uint8 and its instances, at least one."""
    img = background(size, rng)
    taken = np.zeros((size, size), bool)
    instances = []
    for i in rng.choice(len(digits), rng.integers(3, 8), replace=False):
        box = place_digit(img, digits[i], taken, rng)
        if box is not None:
            instances.append((int(labels[i]), box))
    return img.clip(0, 255).astype(np.uint8), instances


def annotation(name: str, size: int, instances: list[Instance]) -> ET.Element:
    """The VOC XML tree of one scene; VOC counts pixels from 1, inclusive."""
    root = ET.Element('annotation')

    def add(parent, tag, text=None):
        element = ET.SubElement(parent, tag)
        element.text = None if text is None else str(text)
        return element

    add(root, 'filename', f'{name}.jpg')
    shape = add(root, 'size')
    for tag, value in zip(('width', 'height', 'depth'), (size, size, 3)):
        add(shape, tag, value)
    for label, (x_min, y_min, x_max, y_max) in instances:
        item = add(root, 'object')
        add(item, 'name', CLASSES[label])
        add(item, 'difficult', 0)
        box = add(item, 'bndbox')
        for tag, value in zip(
            ('xmin', 'ymin', 'xmax', 'ymax'), (x_min + 1, y_min + 1, x_max, y_max)
        ):
            add(box, tag, value)
    return root


def write_scenes(
    root: Path,
    split: str,
    count: int,
    size: int,
    digits: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> None:
    names = [f'{split}_{i:05d}' for i in range(count)]
    for name in names:
        img, instances = make_scene(digits, labels, size, rng)
        mmcv.imwrite(
            img,
            str(root / 'JPEGImages' / f'{name}.jpg'),
            [cv2.IMWRITE_JPEG_QUALITY, 95],
        )
        ET.ElementTree(annotation(name, size, instances)).write(
            root / 'Annotations' / f'{name}.xml'
        )
    listing = root / 'ImageSets' / 'Main' / f'{split}.txt'
    listing.write_text('\n'.join(names) + '\n', encoding='utf-8')


def write_voc(root: Path, args: argparse.Namespace) -> str:
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (root / folder).mkdir(parents=True)
    counts = dict(train=args.train, test=args.test)
    for i, (split, (digits, labels)) in enumerate(split_digits(args.seed).items()):
        write_scenes(
            root,
            split,
            counts[split],
            args.size,
            digits,
            labels,
            np.random.default_rng([args.seed, i]),
        )
    return f'{args.train} train and {args.test} test scenes of {args.size}x{args.size}'


def write_folder(root: Path, args: argparse.Namespace) -> str:
    splits = split_digits(args.seed)
    for split, (digits, labels) in splits.items():
        for i, (digit, label) in enumerate(zip(digits, labels)):
            # '0' to '9': in the order of their names, class i is digit i.
            folder = root / split / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            # 16 grey levels become 8 bits.
            mmcv.imwrite(
                (digit * (255 / 16)).round().astype(np.uint8),
                str(folder / f'{i:04d}.png'),
            )
    return (
        f'{len(splits["train"][1])} train and {len(splits["test"][1])} '
        'test images of 8x8'
    )


def split_digits(seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{split: (images of 8x8, labels)}; no image is in both splits."""
    digits, labels = load_digits(return_X_y=True)
    digits = digits.reshape(-1, 8, 8)
    train, test = train_test_split(
        np.arange(len(digits)), test_size=0.25, stratify=labels, random_state=seed
    )
    return {
        'train': (digits[train], labels[train]),
        'test': (digits[test], labels[test]),
    }


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    out = Path(args.out)
    if out.exists():
        raise DataError(f'{out} exists already; remove it or name another folder.')
    out.parent.mkdir(parents=True, exist_ok=True)
    # Made beside its final place and renamed: never half a dataset there.
    work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f'.{out.name}-'))
    try:
        write = write_voc if args.layout == 'voc' else write_folder
        content = write(work, args)
        work.chmod(0o755)
        work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    print(f'{out}: {content}.')
