"""Figures 1 to 3 of the paper: what the pictures show, and the commands."""

from dataclasses import replace

import mmcv
import numpy as np
import pytest

from loma_mm.commands import draw_loma
from loma_mm.functional import MagnificationRegion, magnify_image
from tests.helpers import CLASSIFIER, run_command

REGION = MagnificationRegion((60, 40), 30, (1.0, 1.8))
IMG = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


def changed(name, region, img=IMG):
    """Rows and columns that mmpretrain's transform has erased."""
    before = img.copy()
    out = draw_loma.occlude(img, region)[name]
    np.testing.assert_array_equal(img, before)
    rows, columns = np.nonzero((out != img).any(-1))
    top, left = rows.min(), columns.min()
    part = out[top : rows.max() + 1, left : columns.max() + 1]
    return top, left, part


@pytest.mark.parametrize('name', ['Cutout', 'Random Erasing'])
@pytest.mark.parametrize('ratios', [(1.0, 1.8), (2.5, 1.0)])
def test_occlusions_are_where_the_rhombus_is(name, ratios):
    region = replace(REGION, ratios=ratios)
    top, left, part = changed(name, region)
    height, width = part.shape[:2]
    assert abs(left + width / 2 - 60) <= 1 and abs(top + height / 2 - 40) <= 1
    y, x = np.mgrid[:90, :120]
    area = region.contains(x, y).sum()
    assert abs(height * width - area) < 0.08 * area
    if name == 'Cutout':
        assert height == width and (part == 128).all()
    else:
        assert width / height == pytest.approx(ratios[1] / ratios[0], rel=0.1)
        # Random pixels, not one colour.
        assert part.std() > 60


def test_occlusions_are_cut_off_at_the_border():
    for name in ('Cutout', 'Random Erasing'):
        top, left, part = changed(name, replace(REGION, center=(2, 3)))
        assert top == left == 0 and part.shape[0] < 25
    # Tiny regions and images still erase a pixel.
    tiny = MagnificationRegion((7, 7), 0.1)
    assert changed('Cutout', tiny, IMG[:8, :8])[2].shape == (1, 1, 3)


def test_panels():
    figure = draw_loma.draw([IMG, IMG], [REGION, REGION], ['ellipse', 'rhombus'], True)
    panels = figure.axes
    assert [ax.get_title() for ax in panels[:5]] == [
        'original',
        'Cutout',
        'Random Erasing',
        'LOMA, ellipse',
        'LOMA, rhombus',
    ]
    assert len(panels) == 10 and not panels[5].get_title()
    np.testing.assert_array_equal(panels[0].images[0].get_array(), IMG)
    for shape, ax in zip(('ellipse', 'rhombus'), panels[3:]):
        np.testing.assert_array_equal(
            ax.images[0].get_array(), magnify_image(IMG, replace(REGION, shape=shape))
        )
        # Preset and actual shape, and the centre.
        assert len(ax.collections) == 2 and len(ax.lines) == 1
    assert '$a_y$ = 1.8' in panels[0].get_xlabel()
    assert not panels[5].get_xlabel()


def test_the_picture_of_the_readme(tmp_path):
    run_command('draw-loma', '--out', tmp_path / 'loma.png')
    img = mmcv.imread(tmp_path / 'loma.png')
    assert img.shape[1] == 1400 and img.std() > 30
    assert [path.name for path in tmp_path.iterdir()] == ['loma.png']


def test_samples_of_a_config(classifier_options, tmp_path, call):
    """Figure 1; the same seed draws the same."""
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        assert not call(
            'draw-loma',
            '--compare',
            '--rows',
            'image',
            '--config',
            str(CLASSIFIER),
            '--index',
            '0',
            '700',
            '--seed',
            str(seed),
            '--out',
            str(tmp_path / f'{name}.png'),
            *classifier_options,
        ).code
    a, b, c = ((tmp_path / f'{name}.png').read_bytes() for name in 'abc')
    assert a == b != c


def test_photographs(tmp_path, call):
    for name, img in (('a.png', IMG), ('b.png', IMG[:, :50])):
        mmcv.imwrite(img, str(tmp_path / name))
    assert not call(
        'draw-loma',
        '--image',
        str(tmp_path / 'a.png'),
        str(tmp_path / 'b.png'),
        '--shapes',
        'rhombus',
        '--rows',
        'grid',
        'image',
        '--out',
        str(tmp_path / 'out' / 'c.pdf'),
    ).code
    assert (tmp_path / 'out' / 'c.pdf').read_bytes().startswith(b'%PDF')


@pytest.mark.parametrize(
    'arguments, said',
    [
        (('--image', 'none.jpg'), 'there is no file none.jpg'),
        (('--radius', '0'), 'radius must be a finite number'),
        (('--out', 'a.xyz'), 'must end with one of .eps, '),
        (('--config', 'none.py'), 'There is no config file none.py'),
        (('--config', CLASSIFIER, '--index', '3000'), 'there is no sample 3000'),
    ],
)
def test_mistakes_are_one_sentence(classifier_options, tmp_path, call, arguments, said):
    called = call(
        'draw-loma', '--out', tmp_path / 'a.png', *arguments, *classifier_options
    )
    assert called.code in (1, 2) and said in called.err
    assert not list(tmp_path.iterdir())
