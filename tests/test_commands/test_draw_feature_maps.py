"""Figure 4 of the paper: feature maps, moved and magnified."""

import mmcv
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from loma_mm import CIFARResNet
from loma_mm.commands import draw_feature_maps as tool
from loma_mm.functional import MagnificationRegion, magnify_feature, offset_feature
from loma_mm.running import load_config
from loma_mm.visualization import BeforeAfter
from tests.helpers import CLASSIFIER


def test_maps_are_those_after_the_stage(classifier, classifier_options):
    options = dict(option.split('=') for option in classifier_options[1:2])
    cfg = load_config(str(CLASSIFIER), options)
    init_default_scope('mmpretrain')
    checkpoint = str(classifier / 'epoch_1.pth')
    _, sample = BeforeAfter(cfg, 'test')[7]
    packed = dict(inputs=sample.inputs, data_samples=sample.data_sample)
    maps = tool.maps_of(tool.load_network(cfg, checkpoint), packed, 'layer2')
    assert maps.shape == (32, 16, 16)
    # The same weights in a backbone that returns this stage itself.
    backbone = CIFARResNet(20, out_indices=(1,)).eval()
    load_checkpoint(backbone, checkpoint, revise_keys=[(r'^backbone\.', '')])
    mean, std = (torch.tensor(cfg.data_preprocessor[key]) for key in ('mean', 'std'))
    inputs = torch.from_numpy((sample.image - mean.numpy()) / std.numpy())
    with torch.no_grad():
        (expected,) = backbone(inputs.permute(2, 0, 1)[None].float())
    torch.testing.assert_close(maps, expected[0], atol=1e-4, rtol=1e-4)
    assert (maps > 0).any()


def test_panels():
    maps = torch.randn(2, 12, 16)
    region = MagnificationRegion((6, 5), 4)
    offsets = [(-0.25, 0.1), (0.2, 0.0)]
    figure = tool.draw(
        np.zeros((24, 32, 3), np.uint8), maps, ['a', 'b'], offsets, region
    )
    panels = [ax for ax in figure.axes if ax.images]
    assert panels[0].get_title() == 'input' and len(panels) == 9
    for i, row in enumerate((panels[1:5], panels[5:])):
        for ax, expected in zip(
            row,
            [
                maps,
                offset_feature(maps, -4.0, 1.6),
                offset_feature(maps, 3.2, 0.0),
                magnify_feature(maps, region),
            ],
        ):
            np.testing.assert_array_equal(ax.images[0].get_array(), expected[i].numpy())
            # All maps of a channel have the same colours.
            assert ax.images[0].get_clim() == row[0].images[0].get_clim()
        # The tip of the arrow is the offset away from the centre.
        assert row[1].texts[0].xy == (7.5 - 4.0, 5.5 + 1.6)


@pytest.fixture
def run(call):
    def draw(out, *arguments):
        called = call('draw-feature-maps', '--out', out, *arguments)
        assert called.code == 0, called.said
        return out.read_bytes()

    return draw


def test_a_photograph_stands_in(tmp_path, run):
    run(tmp_path / 'a.png')
    img = mmcv.imread(tmp_path / 'a.png')
    assert img.shape[1] == 1400 and img.std() > 30


def test_of_a_config(classifier, classifier_options, tmp_path, run):
    network = ('--config', CLASSIFIER, '--channels', 2, *classifier_options)
    random = run(tmp_path / 'a.png', *network)
    trained = run(
        tmp_path / 'b.png',
        '--checkpoint',
        classifier / 'epoch_1.pth',
        '--after',
        'layer3',
        *network,
    )
    drawn = [run(tmp_path / 'c.png', '--seed', 1, *network) for _ in range(2)]
    assert len({random, trained, *drawn}) == 3 and drawn[0] == drawn[1]


def test_of_a_detector(digits, tmp_path, run):
    config = (
        CLASSIFIER.parent.parent
        / 'faster_rcnn'
        / 'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
    )
    run(
        tmp_path / 'a.png',
        '--config',
        config,
        '--offset',
        0.1,
        0.2,
        '--offset',
        -0.1,
        0,
        '--cfg-options',
        f'data_root={digits}/',
    )


@pytest.mark.parametrize(
    'arguments, said',
    [
        (('--checkpoint', 'a.pth'), '--checkpoint needs the --config'),
        (
            ('--config', CLASSIFIER, '--checkpoint', 'a.pth'),
            'There is no checkpoint a.pth',
        ),
        (
            ('--config', CLASSIFIER, '--after', 'layer9'),
            'one of stem, layer1, layer2, layer3, last_norm, got',
        ),
        (('--config', CLASSIFIER, '--index', '900'), 'there is no sample 900'),
        (('--image', 'none.jpg'), 'there is no file none.jpg'),
        (('--channels', '0'), '--channels: must be a whole number from 1 on'),
    ],
)
def test_mistakes_are_one_sentence(classifier_options, tmp_path, call, arguments, said):
    called = call(
        'draw-feature-maps',
        '--out',
        tmp_path / 'a.png',
        *arguments,
        *classifier_options,
    )
    assert called.code in (1, 2) and said in called.err
    assert not list(tmp_path.iterdir())
