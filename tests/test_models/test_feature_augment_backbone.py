"""FeatureAugmentBackbone and plugin layers in backbones that are not ours."""

import copy
import pickle
from functools import partial
from typing import NamedTuple

import pytest
import torch
import torch.distributed as dist
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mmengine.model import (
    BaseModule,
    ExponentialMovingAverage,
    MMDistributedDataParallel,
    convert_sync_batchnorm,
    revert_sync_batchnorm,
)
from mmengine.registry import MODELS, DefaultScope
from torch import nn
from torch.utils.checkpoint import checkpoint

from loma_mm import (
    CIFARResNet,
    FeatureAugmentBackbone,
    FeatureAugmentNeck,
    FeatureLocalMagnification,
    FeatureMapOffset,
    PyramidNet,
    RandomFeatureAugment,
    WideResNet,
)

AUGMENTS = [
    dict(type='FeatureLocalMagnification', radius_range=(0.5, 0.7)),
    dict(type='FeatureMapOffset'),
]
BACKBONES = {
    'mmdet-resnet': (dict(type='mmdet.ResNet', depth=18, base_channels=8), 'layer2'),
    'mmdet-csp': (
        dict(type='mmdet.CSPDarknet', deepen_factor=0.33, widen_factor=0.0625),
        'stage2',
    ),
    'mmpretrain-resnet': (
        dict(type='mmpretrain.ResNet', depth=18, base_channels=8, stem_channels=8),
        'layer2.1',
    ),
    'mmpretrain-convnext': (
        dict(
            type='mmpretrain.ConvNeXt',
            arch=dict(depths=[1, 1, 1, 1], channels=[8, 8, 16, 16]),
            drop_path_rate=0.5,
        ),
        'stages.1',
    ),
    'loma_mm-resnet': (dict(type='CIFARResNet', depth=8), 'layer2'),
}
every_backbone = pytest.mark.parametrize('name', sorted(BACKBONES))


def build(name, seed=0, **kwargs):
    """A plain backbone and the name of one of its stages."""
    cfg, after = BACKBONES[name]
    torch.manual_seed(seed)
    backbone = MODELS.build({**cfg, **kwargs})
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0  # a forward pass leaves no trace
    return backbone, after


def wrap(backbone, after='layer2', prob=1, augments=AUGMENTS):
    return FeatureAugmentBackbone(
        backbone=backbone, after=after, augments=augments, prob=prob
    )


def twins(name, **kwargs):
    """The same network without and with augments."""
    plain, after = build(name, **kwargs)
    return plain, wrap(copy.deepcopy(plain), after), after


def images(size=32):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def run(backbone, x=None, seed=1):
    torch.manual_seed(seed)
    out = backbone(images() if x is None else x)
    return out if isinstance(out, (tuple, list)) else (out,)


def same(outs, others):
    return all(torch.equal(a, b) for a, b in zip(outs, others))


class TwoStages(BaseModule):
    """A backbone in small; the output of its first stage is up to the test."""

    def __init__(self, pack=lambda x: x, unpack=lambda x: x):
        super().__init__()
        self.stages = nn.ModuleList([Packed(pack), nn.Conv2d(3, 3, 3, padding=1)])
        self.features = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
        self.unused = nn.Conv2d(3, 3, 1)
        self.unpack = unpack

    def forward(self, x):
        for layer in self.features:  # the container itself is not called
            x = layer(x)
        return self.stages[1](self.unpack(self.stages[0](x)))


class Children(nn.Module):
    """Names none of its stages."""

    def __init__(self):
        super().__init__()
        self.layer1, self.layer2 = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


class Pair(NamedTuple):
    """The outputs of a stage."""

    one: torch.Tensor
    other: torch.Tensor


class Packed(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.pack = pack

    def forward(self, x):
        return self.pack(x)


@every_backbone
def test_output_of_the_stage_is_augmented(name):
    plain, augmented, after = twins(name)
    seen = []

    def record(stage, args, output):
        seen.append((output, torch.get_rng_state()))

    plain.get_submodule(after).register_forward_hook(record)
    augmented.get_submodule(after).register_forward_hook(record)
    plain.train(), augmented.train()
    outs = run(plain), run(augmented)
    (before, state), (actual, _) = seen
    torch.set_rng_state(state)
    expected = RandomFeatureAugment(AUGMENTS, prob=1)(before)
    assert torch.equal(actual, expected)
    assert not torch.equal(actual, before)
    assert not torch.equal(outs[0][-1], outs[1][-1])


@every_backbone
def test_eval_mode_is_bit_identical(name):
    plain, augmented, _ = twins(name)
    plain.eval(), augmented.eval()
    state = torch.get_rng_state()
    with torch.no_grad():
        assert same(plain(images()), augmented(images()))
    assert torch.equal(torch.get_rng_state(), state)


@every_backbone
def test_checkpoints_move_freely(name):
    plain, after = build(name, seed=0)
    augmented = wrap(build(name, seed=1)[0], after)
    assert type(augmented) is type(plain)
    assert list(augmented.state_dict()) == list(plain.state_dict())
    assert [n for n, _ in augmented.named_parameters()] == [
        n for n, _ in plain.named_parameters()
    ]
    # there
    augmented.load_state_dict(plain.state_dict(), strict=True)
    plain.eval(), augmented.eval()
    assert same(run(plain), run(augmented))
    # and back
    other = wrap(build(name, seed=2)[0], after)
    other.eval()
    plain.load_state_dict(other.state_dict(), strict=True)
    assert same(run(plain), run(other))
    assert not same(run(plain), run(augmented))


@every_backbone
def test_export_in_eval_mode_shows_no_trace(name):

    def operations(backbone):
        graph = torch.jit.trace(backbone, images(), check_trace=False).inlined_graph
        return [node.kind() for node in graph.nodes()]

    plain, augmented, _ = twins(name)
    plain.eval(), augmented.eval()
    nodes = operations(plain)
    assert nodes.count('aten::_convolution') > 5
    assert operations(augmented) == nodes


def test_gate():
    plain, after = build('loma_mm-resnet')
    augmented = wrap(copy.deepcopy(plain), after, prob=0.4)
    x = images(8)
    expected = run(plain, x)
    hits = sum(not same(run(augmented, x, seed), expected) for seed in range(100))
    assert abs(hits / 100 - 0.4) < 4 * (0.4 * 0.6 / 100) ** 0.5


@pytest.mark.parametrize('frozen_stages', [2, 4])
def test_frozen_stages(frozen_stages):
    """The stage is in eval mode then, its augment is not."""
    plain, augmented, after = twins('mmdet-resnet', frozen_stages=frozen_stages)
    plain.train(), augmented.train()
    assert not augmented.get_submodule(after).training
    assert not same(run(plain)[1:], run(augmented)[1:])
    plain.eval(), augmented.eval()
    assert same(run(plain), run(augmented))


def copies(backbone, tmp_path):
    torch.save(backbone, tmp_path / 'backbone.pth')
    return {
        'deepcopy': copy.deepcopy(backbone),
        'pickle': pickle.loads(pickle.dumps(backbone)),
        'torch.save': torch.load(tmp_path / 'backbone.pth', weights_only=False),
        'EMA': ExponentialMovingAverage(backbone).module,
    }


def test_copies_listen_to_their_own_mode(tmp_path):
    plain, source, _ = twins('loma_mm-resnet')
    for how, twin in copies(source, tmp_path).items():
        plain.eval(), source.train(), twin.eval()
        assert same(run(plain), run(twin)), how
        assert not same(run(plain), run(source)), how
        source.eval(), twin.train()
        assert same(run(plain), run(source)), how
        plain.train(), source.train()
        assert not same(run(plain), run(twin)), how
        assert same(run(twin, seed=3), run(source, seed=3)), how


def test_two_stages_may_be_augmented():
    plain, _after = build('loma_mm-resnet')
    kwargs = dict(augments=[dict(type='FeatureMapOffset')], prob=1)
    cfg = dict(
        type='FeatureAugmentBackbone',
        after='layer3',
        backbone=dict(
            type='FeatureAugmentBackbone',
            after='layer1',
            backbone=dict(type='CIFARResNet', depth=8, out_indices=(0, 1, 2)),
            **kwargs,
        ),
        **kwargs,
    )
    both = MODELS.build(cfg)
    assert sum(isinstance(m, FeatureMapOffset) for m in both.modules()) == 2
    assert both.state_dict().keys() == plain.state_dict().keys()
    both.load_state_dict(plain.state_dict())
    one = wrap(
        type(plain)(depth=8, out_indices=(0, 1, 2)),
        'layer1',
        augments=kwargs['augments'],
    )
    one.load_state_dict(plain.state_dict())
    outs, others = run(both), run(one)
    assert same(outs[:2], others[:2]) and not torch.equal(outs[2], others[2])
    # the same stage twice, and names that look alike
    net = wrap(wrap(build('loma_mm-resnet')[0]))
    assert len([m for m in net.children() if isinstance(m, RandomFeatureAugment)]) == 2


def test_stage_with_several_outputs():
    """All of them are augmented by one draw, and the kind is kept."""
    kinds = []

    def unpack(levels):
        kinds.append(type(levels))
        assert torch.equal(levels[0], levels[1])
        return levels[0]

    for kind in (tuple, list, lambda maps: Pair(*maps)):
        plain = TwoStages(lambda x, kind=kind: kind((x, x.clone())), unpack)
        net = wrap(copy.deepcopy(plain), 'stages.0')
        assert not same(run(plain), run(net))
    assert kinds == [tuple, tuple, list, list, Pair, Pair]


@pytest.mark.parametrize(
    'scope, backbone', [('mmdet', 'mmdet-resnet'), ('mmpretrain', 'mmpretrain-resnet')]
)
@pytest.mark.parametrize('prefix', ['', 'loma_mm.'])
def test_one_block_of_a_config(scope, backbone, prefix):
    """The names in it resolve in the scope of the config."""
    cfg = dict(
        type=f'{prefix}FeatureAugmentBackbone',
        backbone=dict(type='ResNet', depth=18, base_channels=8),
    )
    with DefaultScope.overwrite_default_scope(scope):
        net = MODELS.build(cfg)
    assert type(net) is type(build(backbone)[0])
    (augment,) = (m for m in net.modules() if isinstance(m, RandomFeatureAugment))
    # LOMA_F, then FO, after layer2, as in the paper
    assert repr(augment).split('\n')[1:-2] == [
        "  after='layer2', prob=0.5",
        '  (augments): ModuleList(',
        "    (0): FeatureLocalMagnification(shape='rhombus', "
        'radius_range=(0.03, 0.7), ratio_range=(1.0, 3.0))',
        "    (1): FeatureMapOffset(gamma=0.25, interpolation='bilinear', "
        "rescale='none')",
    ]


def test_pretrained_weights_load(tmp_path):
    plain, after = build('mmdet-resnet', seed=1)
    path = str(tmp_path / 'pretrained.pth')
    torch.save(plain.state_dict(), path)
    cfg, _ = BACKBONES['mmdet-resnet']
    net = wrap(dict(**cfg, init_cfg=dict(type='Pretrained', checkpoint=path)), after)
    net.init_weights()
    for key, value in plain.state_dict().items():
        assert torch.equal(net.state_dict()[key], value)


@pytest.mark.parametrize('after', ['layer5', 'layer2.9', '', None, 2])
def test_unknown_stage(after):
    backbone, _ = build('mmdet-resnet')
    with pytest.raises(ValueError) as error:
        wrap(backbone, after)
    message = str(error.value)
    assert message.startswith('after must name a stage of ResNet, one of')
    assert message.endswith(f'got {after!r}.')
    for stage in range(1, 5):
        assert f"'layer{stage}', 'layer{stage}.0', 'layer{stage}.1'" in message
    assert 'bn1' not in message
    wrap(backbone, 'layer4')  # still usable


def test_list_of_stages_is_not_a_stage():
    with pytest.raises(ValueError, match="'stages.0', 'stages.1'.*'stages'"):
        wrap(build('mmpretrain-convnext')[0], 'stages')


def test_stage_that_is_never_called():
    net = wrap(TwoStages(), 'unused')
    with pytest.raises(RuntimeError, match="TwoStages .* 'unused'"):
        run(net)
    net.eval()
    run(net)


@pytest.mark.parametrize('after', ['features', 'features.1'])
def test_stage_that_is_looped_over(after):
    """As SSDVGG does: its container is not called, its layers are."""
    plain = TwoStages()
    net = wrap(copy.deepcopy(plain), after)
    assert not same(run(plain), run(net))


def test_backbone_that_runs_all_its_children():
    """The augment is one of them, and no layer."""
    net = wrap(Children(), 'layer1')
    (augment,) = (m for m in net.children() if isinstance(m, RandomFeatureAugment))
    drawn = []
    augment.augments[0].register_forward_hook(lambda *_: drawn.append(1))
    net.train()(torch.rand(1, 3, 8, 8))
    assert drawn == [1]


def test_stage_that_ends_in_a_shared_layer():
    """The augment runs after the stage, not after every ReLU."""
    relu = nn.ReLU()
    stages = [nn.Sequential(nn.Conv2d(3, 3, 1), relu) for _ in range(3)]
    net = TwoStages()
    net.stages = nn.ModuleList([nn.Sequential(*stages), nn.Identity()])
    calls = []
    count = Packed(lambda x: calls.append(1) or x)
    run(wrap(net, 'stages.0.1', augments=[count]))
    assert calls == [1]


@pytest.mark.parametrize('prob', [0, 1])
@pytest.mark.parametrize(
    'pack, error, message',
    [
        (lambda x: x.flatten(2), ValueError, r'shape \(B, C, H, W\), got \(2, 3'),
        (lambda x: (x, x.shape[2:]), TypeError, 'tensor of real floats, got Size'),
        (lambda x: dict(x=x), TypeError, 'tensor of real floats, got dict'),
        (lambda x: x.long(), TypeError, 'tensor of real floats, got torch.int64'),
    ],
)
def test_stage_without_float_maps(pack, error, message, prob):
    net = wrap(TwoStages(pack), 'stages.0', prob)
    with pytest.raises(error, match=f"after 'stages.0': .*{message}"):
        run(net)


@pytest.mark.parametrize('stage', ['stages.0', 'stages.3'])
@pytest.mark.parametrize(
    'kind, options',
    [
        ('mmpretrain', dict(arch='tiny', img_size=64, pad_small_map=True)),
        ('mmdet', dict(embed_dims=8, num_heads=(1, 1, 1, 1), depths=(1, 1, 1, 1))),
    ],
)
def test_tokens_of_known_size_are_augmented_as_maps(kind, options, stage):
    torch.manual_seed(0)
    plain = MODELS.build(dict(type=f'{kind}.SwinTransformer', **options))
    if kind == 'mmpretrain':
        plain.drop_after_pos = nn.Identity()
    for module in plain.modules():
        if type(module).__name__ == 'DropPath':
            module.drop_prob = 0.0
    offset = FeatureMapOffset(interpolation='nearest')
    net = wrap(copy.deepcopy(plain), stage, augments=[offset])
    seen = []
    for backbone in (plain, net):
        backbone.get_submodule(stage).register_forward_hook(
            lambda stage, args, output: seen.append(output)
        )
        run(backbone, images(64))
    # from the tokens by hand, each pair in the same way
    torch.manual_seed(1)
    torch.rand((), dtype=torch.float64)  # the gate
    fractions = offset.draw()
    before, after = seen
    assert type(after) is type(before) and after[1::2] == before[1::2]
    for tokens, (height, width), actual in zip(before[::2], before[1::2], after[::2]):
        tx, ty = (round(max(height, width) * f) for f in fractions)
        assert actual.shape == tokens.shape and actual.is_contiguous()
        for y in range(height):
            for x in range(width):
                inside = 0 <= y - ty < height and 0 <= x - tx < width
                expected = tokens[:, (y - ty) * width + x - tx] if inside else 0
                assert (actual[:, y * width + x] == expected).all()


def test_a_map_is_checked_once(monkeypatch):
    """By the module that it enters first; functions check for themselves."""
    calls = []
    monkeypatch.setattr(
        'loma_mm.models.feature_augments.base.check_feature_map',
        lambda *args, **kwargs: calls.append(args),
    )
    for prob in (0, 1):
        calls.clear()
        run(wrap(TwoStages(), 'features', prob))
        assert len(calls) == 1


# ------------------------- what is done to a model before and during training
def norms_last():
    """A backbone with a norm at the end of a stage, which SyncBN replaces."""
    torch.manual_seed(0)
    net = TwoStages()
    net.features = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, momentum=0))
    return net


@pytest.mark.parametrize('after', ['features', 'features.1', 'stages.0'])
@pytest.mark.parametrize('convert', ['torch', 'mmengine', 'torch and back'])
def test_sync_bn_conversion(convert, after):
    plain = norms_last()
    net = wrap(copy.deepcopy(plain), after)
    expected = run(net)
    first = net.features[1]
    if convert == 'mmengine':
        net = convert_sync_batchnorm(net)
    else:
        net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert isinstance(net.features[1], nn.SyncBatchNorm)
    if convert == 'torch and back':
        net = revert_sync_batchnorm(net)
        assert not isinstance(net.features[1], nn.SyncBatchNorm)
    else:
        # SyncBN trains on a GPU alone: here with the numbers it has seen.
        net.features[1].forward = lambda x: first(x)
    assert same(run(net), expected)
    # and a copy of a converted model listens to its own mode
    twin = copy.deepcopy(revert_sync_batchnorm(net))
    twin.eval(), plain.eval()
    assert same(run(twin), run(plain))
    assert same(run(twin.train()), expected)


def test_module_that_was_replaced_may_serve_inside_the_new_one():
    plain = TwoStages()
    net = wrap(copy.deepcopy(plain), 'stages.1')
    expected = run(net)
    net.stages[1] = nn.Sequential(net.stages[1], nn.Identity())
    assert same(run(net), expected)


@pytest.mark.parametrize('find_unused_parameters', [False, True])
def test_distributed_data_parallel(find_unused_parameters, tmp_path):
    plain, augmented, _ = twins('loma_mm-resnet')
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/rendezvous', rank=0, world_size=1
    )
    try:
        net = MMDistributedDataParallel(
            augmented, find_unused_parameters=find_unused_parameters
        )
        for seed in range(2):
            grads = []
            for model in (net, augmented):
                augmented.zero_grad()
                run(model, seed=seed)[-1].square().mean().backward()
                grads.append([p.grad.clone() for p in augmented.parameters()])
            torch.testing.assert_close(*grads)
        net.eval(), plain.eval()
        assert same(run(net), run(plain))
    finally:
        dist.destroy_process_group()


def test_checkpointed_stage():
    _, net, after = twins('loma_mm-resnet')
    grads = []
    for _ in range(2):
        net.zero_grad()
        out = run(net, images().requires_grad_())[-1]
        torch.rand(7)
        out.square().sum().backward()
        grads.append([p.grad.clone() for p in net.parameters()])
        stage = net.get_submodule(after)
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False)
    torch.testing.assert_close(*grads)


def test_functional_call():
    plain, net, _ = twins('loma_mm-resnet')
    other = dict(build('loma_mm-resnet', seed=5)[0].state_dict())
    torch.manual_seed(1)
    outs = torch.func.functional_call(net, other, (images(),))
    assert not same(outs, run(net))
    net.load_state_dict(other)
    assert same(outs, run(net))
    plain.load_state_dict(other)
    plain.eval(), net.eval()
    outs = torch.func.functional_call(net, other, (images(),))
    assert same(outs, run(plain))


def test_gradients_of_each_image_by_torch_func():
    net = wrap(TwoStages(), 'features')
    params = dict(net.named_parameters())

    def loss(params, x):
        return torch.func.functional_call(net, params, (x,)).square().mean()

    grad = torch.func.vmap(torch.func.grad(loss), (None, 0), randomness='same')
    torch.manual_seed(1)
    grads = grad(params, images()[:, None])
    for i, x in enumerate(images()):
        torch.manual_seed(1)
        expected = torch.autograd.grad(
            loss(params, x[None]), [*params.values()], materialize_grads=True
        )
        torch.testing.assert_close([grads[name][i] for name in params], [*expected])


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.builds(object),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=2)), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
CONSTRUCTORS = {
    FeatureAugmentBackbone: ('backbone', 'after', 'augments', 'prob'),
    FeatureAugmentNeck: ('augments', 'prob', 'levels'),
    RandomFeatureAugment: ('augments', 'prob'),
    FeatureMapOffset: ('gamma', 'interpolation', 'rescale'),
    FeatureLocalMagnification: ('shape', 'radius_range', 'ratio_range'),
    CIFARResNet: ('depth', 'in_channels', 'out_indices'),
    WideResNet: ('depth', 'widen_factor', 'drop_rate', 'in_channels', 'out_indices'),
    PyramidNet: ('depth', 'alpha', 'in_channels', 'out_indices'),
}


@pytest.mark.parametrize(
    'construct, name',
    [(c, name) for c, names in CONSTRUCTORS.items() for name in names],
)
@given(value=ODD)
@settings(max_examples=40)
def test_odd_arguments(construct, name, value):
    """They are taken, or refused by an error that names the argument."""
    # Networks of these sizes are right, and large.
    assume(
        construct not in (CIFARResNet, WideResNet, PyramidNet) or not is_large(value)
    )
    arguments = dict(augments=AUGMENTS) if 'augments' in CONSTRUCTORS[construct] else {}
    if construct is FeatureAugmentBackbone:
        arguments.update(backbone=TwoStages(), after='features')
    arguments[name] = value
    try:
        with torch.device('meta'):
            construct(**arguments)
    except (TypeError, ValueError) as error:
        assert name in str(error)


def is_large(value):
    return isinstance(value, (int, float)) and 10 < value < float('inf')


def test_bad_arguments():
    layer = nn.Conv2d(3, 3, 1)
    for container in (
        nn.Sequential(layer),
        nn.ModuleList([layer]),
        nn.ModuleDict({'0': layer}),
    ):
        name = type(container).__name__
        with pytest.raises(TypeError, match=f'must not be an nn.{name} '):
            wrap(container, '0')
    with pytest.raises(TypeError, match='backbone must not be made of TorchScript'):
        wrap(torch.jit.trace(Children(), torch.rand(1, 3, 4, 4)), 'layer1')
    with pytest.raises(ValueError, match=r'prob .* got -1'):
        wrap(TwoStages(), 'stages.0', prob=-1)
    with pytest.raises(TypeError, match='augments must be a list'):
        wrap(TwoStages(), 'stages.0', augments=AUGMENTS[0])


def test_compiled_backbone():
    torch._dynamo.reset()
    plain, augmented, _ = twins('loma_mm-resnet')
    compiled = torch.compile(augmented, backend='eager')
    for seed in range(3):
        assert same(run(compiled, seed=seed), run(augmented, seed=seed))
    assert not same(run(compiled, seed=1), run(compiled, seed=2))
    augmented.load_state_dict(plain.state_dict())
    plain.eval(), augmented.eval()
    compiled = torch.compile(augmented, backend='eager', fullgraph=True)
    assert same(run(compiled), run(plain))


PLUGIN = dict(stages=(False, True, False, False), position='after_conv3')


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='FeatureLocalMagnification', radius_range=(0.5, 0.7)),
        dict(type='loma_mm.FeatureMapOffset', gamma=0.5),
        dict(type='RandomFeatureAugment', augments=AUGMENTS, prob=1),
    ],
)
def test_plugin_layers_of_mmdet(cfg):
    plain, _ = build('mmdet-resnet', depth=50)
    net, _ = build('mmdet-resnet', depth=50, plugins=[dict(cfg=cfg, **PLUGIN)])
    net.load_state_dict(plain.state_dict(), strict=True)
    plain.load_state_dict(net.state_dict(), strict=True)
    kind = cfg['type'].split('.')[-1]
    assert [
        name for name, m in net.named_modules() if type(m).__name__ == kind
    ] and all(
        name.startswith('layer2.')
        for name, m in net.named_modules()
        if type(m).__name__ == kind
    )
    plain.eval(), net.eval()
    assert same(run(plain), run(net))
    plain.train(), net.train()
    outs = run(plain), run(net)
    assert torch.equal(outs[0][0], outs[1][0])
    assert not torch.equal(outs[0][1], outs[1][1])


def test_two_plugins_in_a_block():
    net, _ = build(
        'mmdet-resnet',
        depth=50,
        plugins=[
            dict(cfg=dict(**cfg, postfix=str(i)), **PLUGIN)
            for i, cfg in enumerate(AUGMENTS + AUGMENTS)
        ],
    )
    order = [type(m).__name__ for m in net.layer2[0].children()][-4:]
    assert order == 2 * ['FeatureLocalMagnification', 'FeatureMapOffset']
    run(net)


def test_checkpointed_blocks_with_plugins():
    """The recomputed block sees the region of the first pass."""
    grads = []
    for with_cp in (False, True):
        net, _ = build(
            'mmdet-resnet',
            depth=50,
            with_cp=with_cp,
            plugins=[dict(cfg=AUGMENTS[0], **PLUGIN)],
        )
        net.train()
        x = images().requires_grad_()
        out = run(net, x)[-1]
        torch.rand(7)
        out.square().sum().backward()
        grads.append(x.grad)
    assert grads[0].any()
    torch.testing.assert_close(*grads)
