"""Make data as it is ready for training: lists, a config, the command to paste.

    python -m loma_mm prepare photos --out mine.py            # images and VOC's XML
    python -m loma_mm prepare photos/images --annotations photos/xml --out mine.py
    python -m loma_mm prepare photos --annotations boxes.json --out mine.py  # COCO
    python -m loma_mm prepare animals --out mine.py           # a folder a class

No image is copied or changed, and nothing is written among them. Lists that are
there are kept, folders train and test (or val) are the split, else one is drawn.
The config inherits a shipped one, states the classes and is yours to edit. COCO's
JSON needs no conversion to VOC's XML: MMDetection reads it, with COCO's metric.
"""

import argparse
import os
import shlex
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from loma_mm.errors import UsageError
from loma_mm.files import write_text
from loma_mm.preparing import Found, Problem, about, own_config, read_dataset

from . import browse
from .arguments import output_file, picture_path, positive, seed

# Files named of those that have the same thing wrong.
NAMED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('data', help='the folder in which the dataset lies')
    parser.add_argument(
        '--out', type=config_path, required=True, help='the config to write, NAME.py'
    )
    parser.add_argument(
        '--force', action='store_true', help='write over files that are there'
    )
    parser.add_argument(
        '--images', help='the folder of the images (default: found by their names)'
    )
    parser.add_argument(
        '--annotations',
        help='the folder of the XML files, or a JSON file of COCO (default: found)',
    )
    parser.add_argument(
        '--lists',
        nargs=2,
        metavar=('TRAIN', 'TEST'),
        help='files with a name a line to take for VOC annotations (default: those '
        'in ImageSets/Main)',
    )
    parser.add_argument(
        '--test-share',
        type=share,
        default=0.2,
        help='how much to test on where the split is drawn (default: 0.2)',
    )
    parser.add_argument('--seed', type=seed, default=0, help='of that split')
    parser.add_argument(
        '--model',
        choices=['small', 'r50'],
        default='small',
        help='small: from scratch, a Faster R-CNN R-18 for small images or a '
        'ResNet-20 at 32x32 pixels; r50: fine-tuned, a Faster R-CNN R-50 from COCO '
        'weights or a ResNet-50 at 224x224 from ImageNet weights (default: small)',
    )
    parser.add_argument(
        '--no-loma', action='store_true', help='the baseline, without LOMA'
    )
    parser.add_argument('--max-epochs', type=positive, help='how long to train')
    parser.add_argument(
        '--image-size',
        type=positive,
        nargs='+',
        metavar='N',
        help='width and height into which a detector scales its images, or the side '
        "of a classifier's",
    )
    parser.add_argument(
        '--draw', type=picture_path, metavar='PICTURE', help='draw a page of samples'
    )


def config_path(path: str) -> str:
    """An argparse type: the name of a config to write."""
    if not path.endswith('.py'):
        raise argparse.ArgumentTypeError(f'a config is a .py file, got {path}')
    return output_file(path)


def share(text: str) -> float:
    """An argparse type: a number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'must be between 0 and 1, got {text}')
    return value


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    found = read_dataset(
        args.data,
        args.out.removesuffix('.py'),
        images=args.images,
        annotations=args.annotations,
        lists=args.lists,
        test_share=args.test_share,
        seed=args.seed,
    )
    size = image_size(args, found)
    text = own_config(found, args.model, not args.no_loma, args.max_epochs, size)
    texts = {split.path: split.text for split in (found.train, found.test)}
    # Last, so that a config which is there has its lists.
    texts[args.out] = text
    new = {path: text for path, text in texts.items() if text is not None}
    there = [path for path in new if os.path.exists(path)]
    if there and not args.force:
        raise UsageError(
            f'{", ".join(there)} is there already: give another --out, or --force to '
            'write over it'
        )
    say(found)
    for path, content in new.items():
        write_text(path, content)
    print(
        f'\nWritten: {", ".join(new)}.\nIt trains {about(found, args.model, size)}'
        f'{", without LOMA" if args.no_loma else ", with LOMA"}.'
    )
    if args.draw:
        draw(args)
    print(f'\nTrain with\n    python -m loma_mm train {shlex.quote(args.out)}')


def image_size(args: argparse.Namespace, found: Found) -> tuple[int, int] | int | None:
    """What ``--image-size`` means for this kind of dataset."""
    if args.image_size is None:
        return None
    numbers = tuple(args.image_size)
    wanted = 1 if found.kind == 'folders' else 2
    if len(numbers) != wanted:
        raise UsageError(
            f'--image-size wants {wanted} number{"s" * (wanted > 1)} for this dataset, '
            f'got {len(numbers)}'
        )
    return numbers[0] if wanted == 1 else (numbers[0], numbers[1])


def say(found: Found) -> None:
    """Print what was found."""
    what = {
        'voc': 'images with VOC annotations',
        'coco': 'images with COCO annotations',
        'folders': 'images in a folder for each class',
    }[found.kind]
    smallest, largest = min(found.sizes, key=_area), max(found.sizes, key=_area)
    print(
        f'{found.data_root}: {sum(found.sizes.values())} {what}, '
        f'{smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]} pixels.'
    )
    table = Table(box=None, pad_edge=False)
    counted = 'images' if found.kind == 'folders' else 'objects'
    table.add_column(f'{counted} of class')
    for title in ('train', 'test'):
        table.add_column(title, justify='right')
    for name in found.classes:
        table.add_row(
            # As it is, and not as markup.
            name.replace('[', r'\['),
            *(str(split.objects[name]) for split in (found.train, found.test)),
        )
    table.add_row('images', str(found.train.images), str(found.test.images))
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table)
    for note in found.notes:
        print(note)
    say_problems(found.problems)


def say_problems(problems: Sequence[Problem]) -> None:
    """Print what is wrong with which file, the same things together."""
    counts = Counter(problem.kind for problem in problems)
    for kind, count in counts.most_common():
        print(f'\nWrong, {count} times: {kind}')
        same = [problem for problem in problems if problem.kind == kind]
        for problem in same[:NAMED]:
            print(f'    {problem}')
        if count > NAMED:
            print(f'    and {count - NAMED} more')
    if problems:
        print(
            '\nWhat cannot be read, or has no image, is in no list; training leaves '
            'out boxes of which nothing is inside the image.'
        )


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def draw(args: argparse.Namespace) -> None:
    """Draw a page of samples of the config that was written."""
    parser = argparse.ArgumentParser()
    browse.add_arguments(parser)
    browse.run(parser.parse_args([args.out, '--out', args.draw]))
