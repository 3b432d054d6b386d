"""Draw what LOMA does to images, as Figures 1 to 3 of the paper do.

    python -m loma_mm draw-loma --out docs/loma.png [--image PHOTO ...]

A row for each image and one for a regular grid: the original, then LOMA in
each shape around one centre. The dashed line is the preset shape (both ratios
1), the solid one the actual shape S. The figures of the paper:

    1: python -m loma_mm draw-loma --compare --rows image --out figure1.png
    2: python -m loma_mm draw-loma --shapes rhombus ellipse --out figure2.png
    3: python -m loma_mm draw-loma --shapes rhombus ellipse --rows grid \
           --out figure3.png

``--compare`` adds MMPretrain's Cutout and Random Erasing, around the same
centre and as large as the rhombus S: the square of Cutout and the rectangle of
Random Erasing have its area, the rectangle its proportions too. (As in
training they are random in place and size, but not here.)

Images are photographs (``--image``) or samples of the training set of a
config (``--config``, ``--index``), as they are loaded, before any transform.
The region is given by ``--center``, ``--radius`` and ``--ratios`` and the same
for all images; with ``--seed``, what is not given is drawn for each image.
"""

import argparse
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

from loma_mm.checks import SHAPES
from loma_mm.datasets.image_check import read_image
from loma_mm.errors import UsageError
from loma_mm.functional import MagnificationRegion, magnify_image
from loma_mm.running.preflight import check_toolbox
from loma_mm.visualization import (
    grid_like,
    mark_center,
    outline,
    outline_legend,
    save_figure,
)

from .arguments import add_cfg_options, existing_file, open_samples, picture_path
from .region_arguments import add_region_arguments, choose_region

ROWS = ('image', 'grid')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--out', required=True, type=picture_path, help='picture to write'
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        '--image',
        type=existing_file,
        nargs='+',
        help="photographs (default: scikit-learn's flower.jpg)",
    )
    source.add_argument(
        '--config', help='config of mmdet or mmpretrain with a training set'
    )
    parser.add_argument(
        '--index',
        type=int,
        nargs='+',
        default=[0],
        help='which samples of the training set of --config (default: 0)',
    )
    parser.add_argument('--shapes', nargs='+', choices=SHAPES, default=SHAPES)
    parser.add_argument('--rows', nargs='+', choices=ROWS, default=ROWS)
    parser.add_argument(
        '--compare',
        action='store_true',
        help='add Cutout and Random Erasing (needs mmpretrain)',
    )
    add_region_arguments(parser)
    add_cfg_options(parser)


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a UsageError if the arguments contradict each other."""
    try:
        choose_region(args)
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_images(args: argparse.Namespace) -> list[np.ndarray]:
    """The RGB images that the command line asks for."""
    if args.image is not None:
        return [read_image(path) for path in args.image]
    if args.config is None:
        return [load_sample_image('flower.jpg')]
    _, samples = open_samples(args.config, args.cfg_options, 'train')
    return [samples[index][0].image for index in args.index]


def erase(
    img: np.ndarray, transform, region: MagnificationRegion, width: float, height: float
) -> np.ndarray:
    """Run a transform on the part of an image around the region's centre."""
    out = img.copy()
    slices = []
    for center, side, size in zip(region.center[::-1], (height, width), img.shape):
        start = min(max(round(center - side / 2), 0), size - 1)
        stop = min(max(round(center + side / 2), start + 1), size)
        slices.append(slice(start, stop))
    part = tuple(slices)
    out[part] = transform(*out[part].shape[:2])(dict(img=out[part]))['img']
    return out


def occlude(img: np.ndarray, region: MagnificationRegion) -> dict:
    """MMPretrain's Cutout and Random Erasing in place of a rhombus S.

    Their place and size are random. Here they get the part of the image that
    they shall erase, and settings with which they erase all they get.
    """
    from mmpretrain.datasets.transforms import Cutout, RandomErasing

    def cutout(height, width):
        # Around any pixel of the part, this square covers it.
        return Cutout(shape=2 * max(height, width), prob=1.0)

    def random_erasing(height, width):
        return RandomErasing(
            erase_prob=1.0,
            min_area_ratio=1.0,
            max_area_ratio=1.0,
            aspect_range=(height / width, height / width),
            mode='rand',
        )

    # The area of the rhombus is 2 r^2 / (a_x a_y).
    width, height = (2**0.5 * region.radius / a for a in region.ratios)
    side = (width * height) ** 0.5
    return {
        'Cutout': erase(img, cutout, region, side, side),
        'Random Erasing': erase(img, random_erasing, region, width, height),
    }


def describe(img: np.ndarray, region: MagnificationRegion) -> str:
    (x, y), (a_x, a_y) = region.center, region.ratios
    return (
        f'{img.shape[1]} × {img.shape[0]} px\n'
        f'centre ({x}, {y}), r = {region.radius:.0f} px\n'
        f'$a_x$ = {a_x:.2g}, $a_y$ = {a_y:.2g}'
    )


def draw(
    images: list[np.ndarray],
    regions: list[MagnificationRegion],
    shapes: list[str],
    compare: bool,
) -> Figure:
    """A row for each image: original, occlusions, LOMA in each shape."""
    columns = 1 + 2 * compare + len(shapes)
    # The grid has the region of the image above it.
    notes = [describe(*pair) for pair in zip(images, regions)]
    notes = ['' if note in notes[:i] else note for i, note in enumerate(notes)]
    # In inches; the rest is for titles and the legend.
    heights = [14 / columns * img.shape[0] / img.shape[1] for img in images]
    figure = Figure(
        figsize=(14, sum(heights) + sum(0.65 if note else 0.1 for note in notes) + 0.8),
        layout='constrained',
    )
    axes = figure.subplots(len(images), columns, squeeze=False, height_ratios=heights)
    for i, (row, img, region) in enumerate(zip(axes, images, regions)):
        pictures = {'original': img}
        if compare:
            pictures.update(occlude(img, region))
        for ax, (name, picture) in zip(row, pictures.items()):
            ax.imshow(picture)
            if name != 'original':
                mark_center(ax, region)
            ax.set_title('' if i else name)
        for ax, shape in zip(row[len(pictures) :], shapes):
            one = replace(region, shape=shape)
            ax.imshow(magnify_image(img, one))
            outline(ax, one, *img.shape[:2])
            ax.set_title('' if i else f'LOMA, {shape}')
        row[0].set_xlabel(notes[i], fontsize=9)
    for ax in axes.flat:
        ax.set(xticks=(), yticks=())
        ax.spines[:].set_visible(False)
    figure.legend(handles=outline_legend(), loc='outside lower center', ncols=3)
    return figure


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    if args.compare:
        check_toolbox('mmpretrain')
    images = load_images(args)
    np.random.seed(args.seed or 0)
    regions = [choose_region(args) for _ in images]
    rows = list(zip(images, regions)) if 'image' in args.rows else []
    if 'grid' in args.rows:
        rows.append((grid_like(images[0]), regions[0]))
    figure = draw(
        [img for img, _ in rows],
        [region.at(*img.shape[:2]) for img, region in rows],
        args.shapes,
        args.compare,
    )
    save_figure(figure, args.out, dpi=100)
    print(args.out)
