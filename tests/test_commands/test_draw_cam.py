"""Figure 5 of the paper: class activation maps, side by side."""

import mmcv
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS, init_default_scope

from loma_mm.commands import draw_cam as tool
from loma_mm.errors import ConfigError, DataError
from loma_mm.running import load_config
from tests.helpers import CLASSIFIER, ROOT

PLAIN = ROOT / 'configs/resnet_cifar/resnet20_1xb128_image-folder.py'


@pytest.fixture
def cfg(classifier_options):
    pytest.importorskip('mmpretrain')
    init_default_scope('mmpretrain')
    return load_config(
        str(CLASSIFIER), dict(data_root=classifier_options[1].split('=', 1)[1])
    )


@pytest.fixture
def photo(tmp_path):
    """Red at the left, blue at the right, and no noise in the file."""
    img = np.zeros((32, 32, 3), np.uint8)
    img[:, :16, 0] = img[:, 16:, 2] = 200
    img[8:14, 8:24] = 255
    mmcv.imwrite(mmcv.rgb2bgr(img), str(tmp_path / 'photo.png'))
    return str(tmp_path / 'photo.png'), img


def test_the_map_is_cam(cfg, classifier, photo):
    """CAM of Zhou et al.: the features, weighted by the linear layer."""
    from mmpretrain.apis import get_model

    path, img = photo
    checkpoint = str(classifier / 'epoch_1.pth')
    (one,) = tool.look(cfg, checkpoint, [dict(img_path=path)], 'abcdefghij', None)
    np.testing.assert_array_equal(one.image, img)
    assert one.truth == 'photo.png'
    model = get_model(cfg, checkpoint)
    mean, std = (np.float32(cfg.data_preprocessor[key]) for key in ('mean', 'std'))
    inputs = torch.from_numpy(((img - mean) / std).transpose(2, 0, 1))[None]
    with torch.no_grad():
        (features,) = model.extract_feat(inputs, stage='backbone')
        scores = F.softmax(model(inputs), dim=1)[0]
    label = int(scores.argmax())
    name, score = one.prediction.rsplit(' ', 1)
    assert name == model._dataset_meta['classes'][label]
    assert float(score) == pytest.approx(float(scores[label]), abs=0.006)
    expected = (
        torch.einsum('c,chw->hw', model.head.fc.weight[label], features[0])
        .detach()
        .clamp(min=0)
        .numpy()
    )
    expected -= expected.min()
    # Grad-CAM's authors scale before they enlarge the map, and after.
    expected = mmcv.imresize(expected / expected.max(), (32, 32))
    expected = (expected - expected.min()) / np.ptp(expected)
    assert one.cam.shape == (32, 32)
    np.testing.assert_allclose(one.cam, expected, atol=0.01)


@pytest.mark.parametrize(
    'backbone, layer',
    [
        (dict(type='ResNet', depth=18), 'layer4'),
        (dict(type='mmpretrain.ResNet_CIFAR', depth=18), 'layer4'),
        (dict(type='CIFARResNet', depth=8), 'layer3'),
        (
            dict(
                type='FeatureAugmentBackbone',
                backbone=dict(type='CIFARResNet', depth=8),
            ),
            'layer3',
        ),
        (dict(type='WideResNet', depth=10, widen_factor=1), 'last_norm'),
        (dict(type='PyramidNet', depth=20, alpha=12), 'last_norm'),
    ],
)
def test_the_layer_before_pooling(cfg, backbone, layer):
    model = MODELS.build(
        dict(type='mmpretrain.ImageClassifier', backbone=backbone)
    ).eval()
    before = [len(module._forward_hooks) for module in model.modules()]
    found = tool.output_layer(model, torch.randn(1, 3, 32, 32))
    assert found == f'backbone.{layer}'
    after = [len(module._forward_hooks) for module in model.modules()]
    assert after == before


def test_no_such_map(cfg):
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='mmpretrain.VisionTransformer', arch='deit-t', img_size=32
            ),
        )
    )
    with pytest.raises(ConfigError, match='VisionTransformer'):
        tool.output_layer(model.eval(), torch.randn(1, 3, 32, 32))
    with pytest.raises(ConfigError, match=r'backbone\.layers\.11.*backbone.x'):
        tool.check_layer(model, 'backbone.x')


def test_datasets_in_memory(cfg, photo):
    """CIFAR10 holds RGB; its pipeline begins with no file."""
    path, img = photo
    memory = load_config(str(ROOT / 'configs/resnet_cifar/resnet20_1xb128_cifar10.py'))
    for info in (dict(img_path=path), dict(img=img)):
        packed, shown = tool.pack(info, memory)
        np.testing.assert_array_equal(shown, img)
        np.testing.assert_array_equal(packed['inputs'].permute(1, 2, 0), img)
    # From a file as BGR, which the preprocessor turns.
    packed, shown = tool.pack(dict(img_path=path), cfg)
    np.testing.assert_array_equal(shown, img)
    np.testing.assert_array_equal(packed['inputs'].permute(1, 2, 0), img[..., ::-1])
    with pytest.raises(DataError, match='give --images'):
        tool.pack(dict(img=img), cfg)


def test_test_images_of_two_models(classifier, classifier_options, tmp_path, call):
    checkpoint = classifier / 'epoch_1.pth'
    command = [
        'draw-cam',
        '--out',
        tmp_path / 'a.png',
        '--number',
        2,
        '--model',
        'baseline',
        PLAIN,
        checkpoint,
        '--model',
        'LOMA',
        CLASSIFIER,
        checkpoint,
    ]
    assert '2 images, 2 models' in call(*command, *classifier_options).out
    assert mmcv.imread(tmp_path / 'a.png').std() > 10
    assert not list(tmp_path.glob('*.part*'))


def test_panels():
    looks = [
        tool.Look(
            np.full((8, 8, 3), i, np.uint8),
            np.full((8, 8), i / 2),
            f'cat {i}',
            'true class: dog',
        )
        for i in range(2)
    ]
    figure = tool.draw(dict(baseline=looks, LOMA=looks[::-1]))
    titles = [ax.get_title() for ax in figure.axes[:-1]]
    assert titles == [
        'input\ntrue class: dog',
        'baseline\ncat 0',
        'LOMA\ncat 1',
        'true class: dog',
        'cat 1',
        'cat 0',
    ]
    assert (figure.axes[2].images[1].get_array() == 0.5).all()


@pytest.mark.parametrize(
    'arguments, said',
    [
        (('--images', 'none.jpg'), 'there is no file none.jpg'),
        (('--number', '0'), '--number: must be a whole number from 1 on'),
        (('--model', 'a', PLAIN, 'b.pth'), 'a label of its own'),
        ((), 'There is no checkpoint a.pth'),
    ],
)
def test_mistakes_are_one_sentence(call, arguments, said):
    command = ['draw-cam', '--out', 'a.png', '--model', 'a', PLAIN, 'a.pth']
    called = call(*command, *arguments)
    assert called.code in (1, 2) and said in called.err
