"""Which stages of the toolboxes' backbones are augmented, and which are refused."""

import copy

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from loma_mm import FeatureAugmentBackbone, FeatureAugmentNeck, FeatureMapOffset

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')

HR = dict(num_modules=1, num_branches=1, block='BASIC', num_blocks=(1,))
EXTRA = {
    f'stage{i}': dict(
        HR, num_branches=i, num_blocks=(1,) * i, num_channels=(8, 16, 32, 64)[:i]
    )
    for i in range(1, 5)
}
VIT = dict(embed_dims=8, num_layers=2, num_heads=1, feedforward_channels=8)
SWIN = dict(embed_dims=8, num_heads=(1, 1, 1, 1), depths=(1, 1, 1, 1))
PVT = dict(embed_dims=8, num_heads=(1, 1, 1, 1), num_layers=(1, 1, 1, 1))
# Their options, and stages that are augmented.
MAPS = {
    'mmdet.ResNeXt': (dict(depth=50, base_channels=8, groups=2), 'layer2'),
    'mmdet.RegNet': (dict(arch='regnetx_400mf'), 'layer1.0'),
    'mmdet.MobileNetV2': (dict(widen_factor=0.25), 'layer3'),
    'mmdet.HRNet': (dict(extra=EXTRA), 'stage2'),
    'mmdet.SwinTransformer': (SWIN, 'stages.1'),
    'mmdet.PyramidVisionTransformerV2': (PVT, 'layers.1.0'),
    'mmpretrain.ResNeXt': (dict(depth=50, base_channels=8, groups=2), 'layer2.0'),
    'mmpretrain.RegNet': (dict(arch='regnetx_400mf'), 'layer2'),
    'mmpretrain.MobileNetV2': (dict(widen_factor=0.25), 'layer3'),
    'mmpretrain.VGG': (dict(depth=11), 'features'),
    'mmpretrain.HRNet': (dict(extra=EXTRA), 'stage3.0'),
    'mmpretrain.SwinTransformer': (
        dict(arch=SWIN, img_size=64, pad_small_map=True),
        'stages.0',
    ),
    'mmpretrain.SwinTransformerV2': (
        dict(arch=dict(SWIN, extra_norm_every_n_blocks=0), img_size=64, window_size=2),
        'stages.1',
    ),
    'mmpretrain.VisionTransformer': (dict(arch=VIT, img_size=32), 'patch_embed'),
}
# And some that give tokens of unknown size, maps (B, H, W, C) or vectors.
OTHERS = {
    'mmdet.PyramidVisionTransformerV2': (PVT, 'layers.1.1.0', ''),
    'mmpretrain.VisionTransformer': (
        dict(arch=VIT, img_size=32),
        'layers.1',
        " (out_type='featmap')",
    ),
    'mmpretrain.ViTSAM': (
        dict(arch=dict(VIT, global_attn_indexes=[]), img_size=32),
        'layers.0',
        " (out_type='featmap')",
    ),
    'mmpretrain.RevVisionTransformer': (
        dict(arch=dict(VIT), img_size=32),
        'layers.0',
        " (out_type='featmap')",
    ),
    'mmpretrain.LeViT': (dict(arch='128s'), 'stages.0', ''),
}


def outputs(backbone):
    torch.manual_seed(1)
    found = backbone(torch.rand(2, 3, 64, 64, generator=torch.Generator()))
    return found if isinstance(found, (tuple, list)) else (found,)


@pytest.mark.parametrize('name', MAPS)
def test_a_stage_of_maps_is_augmented(name):
    options, after = MAPS[name]
    torch.manual_seed(0)
    plain = MODELS.build(dict(type=name, **options))
    for module in plain.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0
        if type(module).__name__ in ('DropPath', 'Dropout'):
            module.eval().train = lambda mode=True: None
    net = FeatureAugmentBackbone(
        copy.deepcopy(plain), after, [FeatureMapOffset(0.9)], 1
    )
    before, now = outputs(plain), outputs(net)
    assert [x.shape for x in now] == [x.shape for x in before]
    assert not torch.equal(now[-1], before[-1])
    sum(x.sum() for x in now).backward()
    plain.eval(), net.eval()
    assert all(map(torch.equal, outputs(net), outputs(plain)))


@pytest.mark.parametrize('name', OTHERS)
def test_another_stage_is_refused_at_construction(name):
    options, after, how = OTHERS[name]
    backbone = MODELS.build(dict(type=name, **options))
    weights = copy.deepcopy(backbone.state_dict())
    modules = list(backbone.modules())
    state = torch.get_rng_state()
    with pytest.raises(ValueError) as error:
        FeatureAugmentBackbone(backbone, after)
    kind = name.split('.')[1]
    assert str(error.value).startswith(f'after must name a stage of {kind} that gives ')
    assert f' and {after!r} gives (1, ' in str(error.value)
    assert str(error.value).endswith(
        f'behind the backbone, where that gives maps{how}.'
    )
    # It was only tried.
    assert torch.equal(torch.get_rng_state(), state)
    assert list(backbone.modules()) == modules and backbone.training
    assert all(torch.equal(weights[k], v) for k, v in backbone.state_dict().items())


def test_the_neck_augments_what_a_transformer_gives_as_maps():
    options, _, _ = OTHERS['mmpretrain.VisionTransformer']
    backbone = MODELS.build(
        dict(type='mmpretrain.VisionTransformer', out_type='featmap', **options)
    )
    neck = FeatureAugmentNeck([FeatureMapOffset(0.9)], prob=1)
    (maps,) = outputs(backbone)
    assert maps.shape == (2, 8, 4, 4)
    (augmented,) = neck((maps,))
    assert augmented.shape == maps.shape and not torch.equal(augmented, maps)


def test_what_cannot_be_tried_is_told_by_the_first_step():
    class Odd(nn.Module):
        """It wants numbers."""

        def __init__(self):
            super().__init__()
            self.stage = nn.Sequential(nn.Flatten(2), nn.Linear(4096, 2))

        def forward(self, x):
            assert x.sum().item() > 0
            return self.stage(x)

    net = FeatureAugmentBackbone(Odd(), 'stage')
    with pytest.raises(ValueError, match=r"after 'stage': .* got \(2, 3, 2\)"):
        outputs(net)
