"""A region of LOMA on a command line."""

import argparse

import numpy as np

from loma_mm.datasets import LocalMagnification
from loma_mm.functional import MagnificationRegion
from loma_mm.sampler import RelativeRegion

from .arguments import seed


def add_region_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--center``, ``--radius``, ``--ratios`` and ``--seed``."""
    parser.add_argument(
        '--center',
        type=float,
        nargs=2,
        metavar=('X', 'Y'),
        help='magnification centre, fractions of width and height (default: 0.53 0.48)',
    )
    parser.add_argument(
        '--radius', type=float, help='r, a fraction of the longer side (default: 0.31)'
    )
    parser.add_argument(
        '--ratios',
        type=float,
        nargs=2,
        metavar=('A_X', 'A_Y'),
        help='compression ratios a_x and a_y (default: 1 1.6)',
    )
    parser.add_argument(
        '--seed',
        type=seed,
        help='draw whatever of these is not given, as LOMA does with its '
        'defaults (the ranges of the paper for CIFAR)',
    )


def choose_region(args: argparse.Namespace) -> RelativeRegion:
    """The region that :func:`add_region_arguments`'s flags ask for.

    Draws, if any, come from NumPy's global generator, which the caller seeds
    with ``args.seed``.

    Raises:
        ValueError: If a flag is outside its range.
    """
    region = RelativeRegion((0.53, 0.48), 0.31, (1.0, 1.6), 'rhombus')
    if args.seed is not None:
        region = LocalMagnification().sampler.draw(np.random.random)
    given = {
        name: getattr(args, name)
        for name in ('center', 'radius', 'ratios')
        if getattr(args, name) is not None
    }
    region = region._replace(**given)
    # It checks what at() takes for granted.
    MagnificationRegion(*region)
    return region
