"""Sec 4.4 of the paper, against loops that cannot be misread."""

import copy

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS, init_default_scope

from loma_mm.evaluation import OCCLUSIONS, occlude
from loma_mm.running import load_config, occlusion_accuracy
from tests.helpers import CLASSIFIER
from tests.nearest_mean import nearest_mean, packed_test_set


def naive_occlude(img, kind, size):
    """One plane (H, W), pixel by pixel."""
    height, width = img.shape
    top, left = (height - size) // 2, (width - size) // 2
    out = img.copy()
    for y in range(height):
        for x in range(width):
            inside = top <= y < top + size and left <= x < left + size
            if inside == (kind == 'center'):
                out[y, x] = 0
    return out


@pytest.mark.parametrize('shape', [(32, 32), (7, 10), (1, 5)])
@pytest.mark.parametrize('kind', OCCLUSIONS)
def test_occlusion_is_the_loop(kind, shape):
    images = torch.randn(2, 3, *shape) + 5
    before = images.clone()
    for size in range(max(shape) + 4):
        out = occlude(images, kind, size)
        expected = [
            [naive_occlude(plane.numpy(), kind, size) for plane in img]
            for img in images
        ]
        np.testing.assert_array_equal(out.numpy(), expected)
    assert torch.equal(images, before)


def test_the_ends_of_the_range():
    images = torch.ones(1, 4, 6)
    for all_of_it, kind in ((0, 'center'), (6, 'boundary')):
        assert torch.equal(occlude(images, kind, all_of_it), images)
    for none_of_it, kind in ((6, 'center'), (0, 'boundary')):
        assert not occlude(images, kind, none_of_it).any()
    # Not multiplied by 0: what is not a number becomes 0 too.
    assert not occlude(images * float('nan'), 'boundary', 0).any()
    assert occlude(images.to(torch.uint8), 'center', 2).dtype == torch.uint8


@pytest.mark.parametrize(
    'kind, size, said',
    [
        ('edge', 2, "must be one of ('center', 'boundary'), got 'edge'"),
        ('center', -1, 'size must be a whole number of 0 or more, got -1'),
        ('center', 2.5, 'got 2.5'),
    ],
)
def test_mistakes(kind, size, said):
    with pytest.raises(ValueError) as caught:
        occlude(torch.ones(4, 4), kind, size)
    assert said in str(caught.value)


@TRANSFORMS.register_module()
class CountSamples:
    """A transform that counts what passes through it."""

    passed = 0

    def __call__(self, results):
        CountSamples.passed += 1
        return results


@pytest.fixture
def cfg(classifier_options):
    options = dict(option.split('=', 1) for option in classifier_options[1:])
    cfg = load_config(
        str(CLASSIFIER),
        {
            key: int(value) if value.isdigit() else value
            for key, value in options.items()
        },
    )
    cfg.test_dataloader.dataset.pipeline.insert(0, dict(type='CountSamples'))
    return cfg


def naive_accuracy(cfg, checkpoint, kind, size):
    """Percent, with occlusions made pixel by pixel."""
    from mmpretrain.apis import get_model

    init_default_scope('mmpretrain')
    model = get_model(cfg, checkpoint)
    batch = packed_test_set(model, cfg)
    images = batch['inputs'].numpy()
    planes = images.reshape(-1, *images.shape[-2:])
    occluded = np.stack([naive_occlude(plane, kind, size) for plane in planes])
    with torch.no_grad():
        logits = model(torch.from_numpy(occluded.reshape(images.shape)))
    truth = torch.cat([sample.gt_label for sample in batch['data_samples']])
    return 100 * (logits.argmax(1) == truth).double().mean().item()


def test_accuracy_is_that_of_the_loop(cfg, classifier, tmp_path):
    checkpoint = str(tmp_path / 'good.pth')
    nearest_mean(cfg, classifier / 'epoch_1.pth', checkpoint)
    before = copy.deepcopy(cfg.to_dict())
    CountSamples.passed = 0
    found = occlusion_accuracy(cfg, checkpoint, (0, 11, 32))
    # The test set is read once, not once an occlusion.
    assert CountSamples.passed == 450
    assert cfg.to_dict() == before
    assert [entry[:2] for entry in found] == [
        (kind, size) for kind in OCCLUSIONS for size in (0, 11, 32)
    ]
    values = {entry[:2]: entry[2] for entry in found}
    for kind in OCCLUSIONS:
        assert values[kind, 11] == pytest.approx(
            naive_accuracy(cfg, checkpoint, kind, 11), abs=1e-4
        )
    # Nothing hidden and all hidden, by two ways each.
    assert values['center', 0] == values['boundary', 32] > 25
    assert values['center', 32] == values['boundary', 0] < 15
    # A part hidden is neither.
    assert values['center', 32] < values['center', 11] < values['center', 0]


def test_no_occlusion_to_test(cfg, classifier):
    with pytest.raises(ValueError, match='at least one occlusion'):
        occlusion_accuracy(cfg, str(classifier / 'epoch_1.pth'), ())
