"""Draw what LOMA does to an image: the picture of the README.

    python tools/draw_loma.py --out docs/loma.png [--image PHOTO]

The first row shows an image and the three deformation shapes around one
centre, the second the same on a regular grid. The dashed line is the preset
shape (both ratios 1), the solid one the actual shape S (Fig 3 of the paper).
"""
import argparse
import os.path as osp
from dataclasses import replace

import matplotlib
import mmcv
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_image

from loma_mm.functional import MagnificationRegion, magnify_image
from loma_mm.functional.region import SHAPES


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', required=True, help='picture to write (.png)')
    parser.add_argument(
        '--image', help="a photograph (default: scikit-learn's flower.jpg)")
    parser.add_argument(
        '--center',
        type=float,
        nargs=2,
        default=(0.53, 0.48),
        help='fractions of width and height')
    parser.add_argument(
        '--radius',
        type=float,
        default=0.31,
        help='fraction of the longer side')
    parser.add_argument(
        '--ratios', type=float, nargs=2, default=(1.0, 1.6), help='a_x a_y')
    args = parser.parse_args()
    if args.image is not None and not osp.isfile(args.image):
        parser.error(f'there is no image {args.image}')
    return args


def grid_like(img: np.ndarray, step: int = 24) -> np.ndarray:
    """A white image of the same size with grey lines every ``step`` px."""
    grid = np.full_like(img, 255)
    for offset in range(2):
        grid[offset::step] = grid[:, offset::step] = 90
    return grid


def outline(axes, region: MagnificationRegion, img: np.ndarray) -> None:
    y, x = np.mgrid[:img.shape[0], :img.shape[1]]
    preset = replace(region, ratios=(1.0, 1.0))
    # Of the colour-blind-safe palette of Okabe and Ito.
    for one, style, colour in ((preset, '--', '#56B4E9'), (region, '-',
                                                           '#E69F00')):
        axes.contour(
            one.contains(x, y), [0.5], colors=colour, linestyles=style)
    axes.plot(*region.center, '+', color='#E69F00', markersize=10)


def main() -> None:
    args = parse_args()
    matplotlib.use('agg')
    if args.image is None:
        img = load_sample_image('flower.jpg')
    else:
        img = mmcv.imread(args.image, channel_order='rgb')
    height, width = img.shape[:2]
    region = MagnificationRegion(
        center=(int(args.center[0] * width), int(args.center[1] * height)),
        radius=args.radius * max(height, width),
        ratios=tuple(args.ratios))
    figure, axes = plt.subplots(
        2,
        1 + len(SHAPES),
        figsize=(14, 2 * 3.5 * height / width + 0.5),
        layout='constrained')
    for row, picture in zip(axes, (img, grid_like(img))):
        row[0].imshow(picture)
        row[0].set_title('original' if picture is img else '')
        for ax, shape in zip(row[1:], SHAPES):
            one = replace(region, shape=shape)
            ax.imshow(magnify_image(picture, one))
            outline(ax, one, picture)
            ax.set_title(f'LOMA, {shape}' if picture is img else '')
    for ax in axes.flat:
        ax.set_axis_off()
    figure.savefig(args.out, dpi=100)
    print(args.out)


if __name__ == '__main__':
    main()
