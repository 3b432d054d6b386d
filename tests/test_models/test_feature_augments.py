"""LOMA_F, FO and their gate as modules: draws, modes and PyTorch's tools."""

import copy
import pickle
import random

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.registry import MODELS
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from loma_mm import FeatureLocalMagnification, FeatureMapOffset, RandomFeatureAugment
from loma_mm.functional import magnify_feature, offset_feature

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
PAIR = (
    dict(type='FeatureLocalMagnification', radius_range=(0.5, 0.7)),
    dict(type='FeatureMapOffset'),
)
AUGMENTS = {
    'loma_f': lambda: FeatureLocalMagnification(radius_range=(0.5, 0.7)),
    'fo': lambda: FeatureMapOffset(),
    'nearest': lambda: FeatureMapOffset(interpolation='nearest'),
    'nonzero': lambda: FeatureMapOffset(rescale='nonzero'),
    'both': lambda: RandomFeatureAugment(PAIR, prob=1),
    'gated': lambda: RandomFeatureAugment(PAIR, prob=0.5),
}
every_augment = pytest.mark.parametrize('name', sorted(AUGMENTS))


def seeded(seed, function, *args):
    torch.manual_seed(seed)
    return function(*args)


class Net(nn.Module):
    """A network around an augment; no dropout, no batch norm."""

    def __init__(self, augment):
        super().__init__()
        self.before = nn.Conv2d(3, 4, 3, padding=1)
        self.augment = augment
        self.after = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x):
        # No loop: PyTorch compiles none that has a graph break in it.
        return self.after(self.augment(self.before(x).relu()))


def small_net(augment):
    torch.manual_seed(0)
    return Net(augment)


@every_augment
def test_eval_mode_returns_the_input_itself(name):
    augment = AUGMENTS[name]().eval()
    x = torch.rand(2, 3, 4, 4)
    state = torch.get_rng_state()
    for given in (x, (x, x), 'anything'):
        assert augment(given) is given
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('name', ['loma_f', 'fo', 'nearest', 'both'])
def test_draws_come_from_torchs_cpu_generator_alone(name):
    augment, x = AUGMENTS[name](), torch.rand(2, 3, 12, 12)
    random.seed(0)
    np.random.seed(0)
    first = seeded(1, augment, x)
    assert torch.equal(first, seeded(1, augment, x))
    assert (random.random(), np.random.random()) == (
        random.Random(0).random(),
        np.random.RandomState(0).random_sample(),
    )
    outs = [seeded(seed, augment, x) for seed in range(8)]
    assert sum(not torch.equal(out, outs[0]) for out in outs) > 5


@every_augment
def test_one_draw_for_the_batch_and_all_channels(name):
    plane = torch.rand(1, 1, 9, 12)
    augment = AUGMENTS[name]()
    for seed in range(6):
        out = seeded(seed, augment, plane.expand(3, 5, 9, 12))
        assert torch.equal(out, out[:1, :1].expand_as(out))


@pytest.mark.parametrize('kind', [tuple, list])
@every_augment
def test_one_draw_for_all_levels(name, kind):
    augment = AUGMENTS[name]()
    levels = kind(torch.rand(2, c, s, 2 * s) for c, s in ((3, 8), (5, 4)))
    for seed in range(6):
        outs = seeded(seed, augment, levels)
        assert type(outs) is kind and len(outs) == 2
        # The same seed draws the same for a level alone.
        for level, out in zip(levels, outs):
            assert torch.equal(out, seeded(seed, augment, level))


def test_region_is_drawn_from_the_ranges():
    augment = FeatureLocalMagnification(
        shape='ellipse', radius_range=(0.2, 0.4), ratio_range=(2, 3)
    )
    torch.manual_seed(0)
    regions = [augment.draw().at(10, 20) for _ in range(400)]
    assert min(augment.draw().at(20, 10).radius for _ in range(9)) >= 4
    assert {region.shape for region in regions} == {'ellipse'}
    assert {region.center[0] for region in regions} == set(range(20))
    assert {region.center[1] for region in regions} == set(range(10))
    radii = [region.radius for region in regions]
    assert 4 <= min(radii) < 4.1 and 7.9 < max(radii) <= 8
    drawn = [max(region.ratios) for region in regions]
    assert {min(region.ratios) for region in regions} == {1}
    assert 2 <= min(drawn) < 2.05 and 2.95 < max(drawn) <= 3
    # and the module applies what it draws
    x = torch.rand(2, 3, 10, 20)
    expected = magnify_feature(x, seeded(7, augment.draw).at(10, 20))
    assert torch.equal(seeded(7, augment, x), expected)


def test_offsets_are_uniform_in_gamma_of_the_longer_side():
    augment = FeatureMapOffset(gamma=0.25)
    torch.manual_seed(0)
    drawn = torch.tensor([augment.draw() for _ in range(2000)])
    for axis in drawn.T:
        # Kolmogorov-Smirnov: 1.95 / sqrt(n) is the 0.1 % level.
        expected = torch.linspace(-0.25, 0.25, len(axis), dtype=axis.dtype)
        distance = (axis.sort().values - expected).abs().max() / 0.5
        assert distance < 1.95 / len(axis) ** 0.5
    assert abs(torch.corrcoef(drawn.T)[0, 1]) < 0.1
    tx, ty = (16 * fraction for fraction in seeded(3, augment.draw))
    rounded = FeatureMapOffset(interpolation='nearest')
    for size in ((4, 16), (16, 4)):
        x = torch.rand(2, 3, *size)
        assert torch.equal(seeded(3, augment, x), offset_feature(x, tx, ty))
        expected = offset_feature(x, round(tx), round(ty))
        assert torch.equal(seeded(3, rounded, x), expected)


def test_gamma_zero_moves_nothing():
    x = torch.rand(2, 3, 5, 5)
    assert torch.equal(FeatureMapOffset(gamma=0)(x), x)


@pytest.mark.parametrize('dtype', DTYPES)
def test_rescale_nonzero(dtype):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 8).relu().to(dtype)
    moved = seeded(5, FeatureMapOffset(), x)
    out = seeded(5, FeatureMapOffset(rescale='nonzero'), x)
    factor = moved.numel() / int((moved != 0).sum())
    assert factor > 1.1 and out.dtype == dtype
    torch.testing.assert_close(
        out.double(),
        moved.double() * factor,
        rtol=2 * torch.finfo(dtype).eps,
        atol=1e-3 * torch.finfo(dtype).eps,
    )


@pytest.mark.parametrize('dtype', DTYPES)
def test_rescale_of_an_empty_or_nearly_empty_map(dtype):
    augment = FeatureMapOffset(gamma=0, rescale='nonzero')
    x = torch.zeros(2, 1, 200, 200, dtype=dtype, requires_grad=True)
    out = augment(x)
    assert torch.equal(out, x)
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert (grad == 1).all()
    # 80,000 is beyond float16.
    x = torch.zeros(2, 1, 200, 200, dtype=dtype)
    x[0, 0, 0, 0] = 0.5
    out = augment(x)
    assert out.count_nonzero() == 1
    torch.testing.assert_close(
        out[0, 0, 0, 0],
        torch.tensor(4e4, dtype=dtype),
        rtol=torch.finfo(dtype).eps,
        atol=0,
    )


class Mark(nn.Module):
    """Adds a number to its input, so that one sees what ran, in order."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        return 10 * x + self.number


def test_gate_is_joint_and_fair():
    augment = RandomFeatureAugment([Mark(1), Mark(2)], prob=0.3)
    x = torch.zeros(1, 1, 1, 1)
    torch.manual_seed(0)
    values = [augment(x).item() for _ in range(3000)]
    assert set(values) == {0, 12}
    assert abs(values.count(12) / 3000 - 0.3) < 4 * (0.3 * 0.7 / 3000) ** 0.5


@pytest.mark.parametrize('prob, expected', [(0, {0}), (1, {1})])
def test_certain_gates(prob, expected):
    augment = RandomFeatureAugment([Mark(1)], prob=prob)
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 1, 1)
    assert {augment(x).item() for _ in range(50)} == expected


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (5, 1), (2, 2), (3, 11)])
@pytest.mark.parametrize('dtype', DTYPES)
@every_augment
def test_any_size_and_dtype(name, dtype, size):
    augment = AUGMENTS[name]()
    x = torch.rand(2, 3, *size).to(dtype).requires_grad_()
    for seed in range(4):
        out = seeded(seed, augment, x)
        assert out.shape == x.shape and out.dtype == dtype
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert grad.isfinite().all() and out.isfinite().all()
    assert augment(x[:0]).shape == (0, 3, *size)


@every_augment
def test_no_device_synchronisation(name):
    """The meta device holds no values: any read raises."""
    augment = AUGMENTS[name]()
    x = torch.empty(2, 3, 8, 6, device='meta', requires_grad=True)
    with torch.device('meta'):  # no draw may land on the default device
        outs = [augment(x) for _ in range(4)]
    sum(out.sum() for out in outs).backward()
    assert {out.device.type for out in outs} == {'meta'}
    assert x.grad.shape == x.shape


@pytest.mark.parametrize('name', ['loma_f', 'nearest', 'fo', 'both'])
def test_autocast(name):
    net, x = small_net(AUGMENTS[name]()), torch.rand(2, 3, 8, 8)
    grads = []
    for enabled in (False, True):
        net.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            out = seeded(1, net, x)
            loss = out.float().square().mean()
        loss.backward()
        assert out.dtype == (torch.bfloat16 if enabled else torch.float32)
        grads.append(net.before.weight.grad.clone())
    assert grads[1].dtype == torch.float32 and grads[0].any()
    torch.testing.assert_close(*grads, rtol=0, atol=0.1 * grads[0].max())


@pytest.mark.parametrize('use_reentrant', [True, False])
@pytest.mark.parametrize('name', ['loma_f', 'fo', 'gated'])
def test_activation_checkpointing_replays_the_draw(name, use_reentrant):
    net = small_net(AUGMENTS[name]())
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    for seed in range(3):
        (expected,) = torch.autograd.grad(seeded(seed, net, x).sum(), x)
        x.grad = None
        out = seeded(seed, lambda x: checkpoint(net, x, use_reentrant=use_reentrant), x)
        torch.rand(5)  # the generator has moved on when backward recomputes
        out.sum().backward()
        assert torch.equal(x.grad, expected)


@pytest.mark.parametrize('name', ['loma_f', 'fo', 'gated'])
def test_compiled_training_draws_anew(name):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    net = small_net(AUGMENTS[name]())
    compiled = torch.compile(net, backend=backend)
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    outs, count = [], None
    for seed in range(8):
        out = seeded(seed, compiled, x)
        expected = seeded(seed, net, x)
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(
            torch.autograd.grad(out.sum(), x), torch.autograd.grad(expected.sum(), x)
        )
        outs.append(out)
        count = count or len(graphs)
    assert sum(not torch.equal(out, outs[0]) for out in outs) > 2
    # Another draw is no reason to compile again.
    assert len(graphs) == count > 1


def test_compiled_training_with_autograd():
    torch._dynamo.reset()
    net = small_net(AUGMENTS['both']())
    compiled = torch.compile(net, backend='aot_eager')
    for seed in range(2):
        net.zero_grad()
        seeded(seed, net, torch.ones(2, 3, 8, 8)).sum().backward()
        expected = [p.grad.clone() for p in net.parameters()]
        net.zero_grad()
        seeded(seed, compiled, torch.ones(2, 3, 8, 8)).sum().backward()
        torch.testing.assert_close([p.grad for p in net.parameters()], expected)


def test_compiled_eval_has_no_graph_break():
    torch._dynamo.reset()
    net = small_net(RandomFeatureAugment(PAIR, prob=1))
    compiled = torch.compile(net, backend='eager', fullgraph=True)
    x = torch.rand(2, 3, 8, 8)
    net.eval()
    assert torch.equal(compiled(x), small_net(nn.Identity())(x))


def operations(net, x):
    graph = torch.jit.trace(net, x).inlined_graph
    return [node.kind() for node in graph.nodes()]


@every_augment
def test_export_in_eval_mode_shows_no_trace(name):
    net, x = small_net(AUGMENTS[name]()).eval(), torch.rand(1, 3, 8, 8)
    plain = small_net(nn.Identity()).eval()
    assert operations(net, x).count('aten::_convolution') == 2
    assert operations(net, x) == operations(plain, x)
    targets = [
        [
            str(node.target)
            for node in torch.export.export(m, (x,)).graph_module.graph.nodes
            if node.op == 'call_function'
        ]
        for m in (net, plain)
    ]
    assert targets[0] == targets[1] and len(targets[0]) >= 3


def _train_step(rank, folder):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    torch.set_num_threads(1)
    net = DistributedDataParallel(small_net(RandomFeatureAugment(PAIR, prob=0.5)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    # Processes draw on their own: here even the gates differ.
    torch.manual_seed(rank)
    for _step in range(4):
        optimizer.zero_grad()
        net(torch.rand(2, 3, 8, 8)).square().mean().backward()
        optimizer.step()
    torch.save(net.module.state_dict(), f'{folder}/{rank}.pth')
    dist.destroy_process_group()


@pytest.mark.slow
def test_distributed_training(tmp_path):
    mp.spawn(_train_step, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1))
    start = small_net(nn.Identity()).state_dict()
    assert first.keys() == start.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key])
        assert not torch.equal(value, start[key])


@every_augment
def test_no_state(name):
    augment = AUGMENTS[name]()
    assert not augment.state_dict() and not list(augment.parameters())
    x = torch.rand(1, 2, 6, 6)
    for twin in (copy.deepcopy(augment), pickle.loads(pickle.dumps(augment))):
        assert torch.equal(seeded(4, twin, x), seeded(4, augment, x))


@pytest.mark.parametrize('scope', ['', 'loma_mm.'])
def test_built_from_configs(scope):
    augment = MODELS.build(
        dict(
            type=f'{scope}RandomFeatureAugment',
            prob=0.25,
            augments=[
                dict(
                    type=f'{scope}FeatureLocalMagnification',
                    shape='ellipse',
                    radius_range=(0.1, 0.2),
                    ratio_range=(1, 2),
                ),
                dict(
                    type=f'{scope}FeatureMapOffset',
                    gamma=0.125,
                    interpolation='nearest',
                    rescale='nonzero',
                ),
            ],
        )
    )
    assert str(augment).split('\n') == [
        'RandomFeatureAugment(',
        '  prob=0.25',
        '  (augments): ModuleList(',
        "    (0): FeatureLocalMagnification(shape='ellipse', "
        'radius_range=(0.1, 0.2), ratio_range=(1.0, 2.0))',
        "    (1): FeatureMapOffset(gamma=0.125, interpolation='nearest', "
        "rescale='nonzero')",
        '  )',
        ')',
    ]


def test_defaults_are_the_papers():
    assert repr(FeatureLocalMagnification()) == (
        "FeatureLocalMagnification(shape='rhombus', "
        'radius_range=(0.03, 0.7), ratio_range=(1.0, 3.0))'
    )
    assert repr(FeatureMapOffset()) == (
        "FeatureMapOffset(gamma=0.25, interpolation='bilinear', rescale='none')"
    )
    assert RandomFeatureAugment([]).prob == 0.5


@pytest.mark.parametrize(
    'build, message',
    [
        (lambda: FeatureMapOffset(gamma=1), r'gamma .* \[0, 1\), got 1'),
        (lambda: FeatureMapOffset(gamma=-0.1), r'gamma .* \[0, 1\), got -0.1'),
        (lambda: FeatureMapOffset(gamma='a'), r"gamma .* \[0, 1\), got 'a'"),
        (lambda: FeatureMapOffset(gamma=float('nan')), 'gamma .* got nan'),
        (
            lambda: FeatureMapOffset(interpolation='cubic'),
            "interpolation must be one of .*'nearest'.*, got 'cubic'",
        ),
        (
            lambda: FeatureMapOffset(rescale='all'),
            r"rescale must be one of \('none', 'nonzero'\), got 'all'",
        ),
        (lambda: FeatureLocalMagnification(shape='disc'), "shape .* got 'disc'"),
        (
            lambda: FeatureLocalMagnification(radius_range=(0.5, 0.1)),
            r'radius_range .* got \(0.5, 0.1\)',
        ),
        (
            lambda: FeatureLocalMagnification(ratio_range=(0, 1)),
            r'ratio_range .* got \(0, 1\)',
        ),
        (lambda: RandomFeatureAugment([], prob=1.5), r'prob .* got 1.5'),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize('augments', [PAIR[0], 'FeatureMapOffset', [1], None])
def test_augments_must_be_a_list(augments):
    with pytest.raises(TypeError, match='augments.* must be a .*config'):
        RandomFeatureAugment(augments)


def test_augments_must_build_modules():
    MODELS.register_module(name='NoModule', module=dict)
    try:
        with pytest.raises(TypeError, match=r'augments\[0\] must build a module, got'):
            RandomFeatureAugment([dict(type='NoModule', gamma=0.3)])
    finally:
        del MODELS.module_dict['NoModule']


@pytest.mark.parametrize('name', ['loma_f', 'fo', 'gated'])
def test_bad_features(name):
    augment = AUGMENTS[name]()
    good = torch.rand(1, 2, 4, 4)
    for bad in (torch.rand(4, 4), torch.rand(2, 16, 8), torch.rand(5 * (1,))):
        for x in (bad, (good, bad)):
            with pytest.raises(ValueError, match=r'shape \(B, C, H, W\), got'):
                augment(x)
    for bad, found in (
        (good.long(), 'torch.int64'),
        ((4, 4), 'int'),
        (dict(x=good), 'dict'),
        (None, 'NoneType'),
    ):
        with pytest.raises(TypeError, match=f'tensor of real floats, got {found}'):
            augment(bad)
