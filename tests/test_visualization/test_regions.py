import argparse

import numpy as np
import pytest
from matplotlib.figure import Figure

from loma_mm.commands.region_arguments import add_region_arguments, choose_region
from loma_mm.functional import MagnificationRegion
from loma_mm.visualization import outline


def chosen(*arguments):
    parser = argparse.ArgumentParser()
    add_region_arguments(parser)
    args = parser.parse_args(arguments)
    np.random.seed(args.seed or 0)
    return choose_region(args)


def test_given_and_drawn():
    assert chosen('--radius', '0.2').center == chosen().center
    assert chosen('--radius', '0.2').radius == 0.2
    drawn = chosen('--seed', '3')
    assert drawn == chosen('--seed', '3') != chosen('--seed', '4')
    assert 0.03 <= drawn.radius <= 0.7 and min(drawn.ratios) == 1
    # What is given wins over what is drawn.
    both = chosen('--seed', '3', '--ratios', '2', '1.5')
    assert both == drawn._replace(ratios=[2.0, 1.5])


@pytest.mark.parametrize(
    'arguments', [('--radius', '0'), ('--ratios', '1', '-1'), ('--center', 'nan', '0')]
)
def test_outside_their_range(arguments):
    with pytest.raises(ValueError):
        chosen(*arguments)


@pytest.mark.parametrize(
    'shape, norm',
    [
        ('rhombus', lambda x, y: x + y),
        ('ellipse', np.hypot),
        ('rectangle', np.maximum),
    ],
)
def test_outlines_are_the_borders_of_the_region(shape, norm):
    """Dashed at r from the centre, solid there in the compressed axis."""
    region = MagnificationRegion((10, 12), 8, (1.0, 2.0), shape)
    axes = Figure().add_subplot()
    axes.imshow(np.zeros((24, 24)))
    outline(axes, region, 24, 24)
    assert (axes.lines[0].get_xydata() == [10, 12]).all()
    assert len(axes.collections) == 2
    for contour, ratio in zip(axes.collections, (1.0, 2.0)):
        if shape == 'ellipse':
            ratio **= 0.5
        x, y = abs(contour.get_paths()[0].vertices - region.center).T
        np.testing.assert_allclose(norm(x, y * ratio), 8, atol=0.15)


def test_a_region_that_covers_the_image_has_no_outline():
    axes = Figure().add_subplot()
    outline(axes, MagnificationRegion((1, 1), 90), 8, 8)
    assert not axes.collections
