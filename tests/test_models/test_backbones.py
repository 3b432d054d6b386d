"""The CIFAR networks: published sizes, shapes, where the last norm acts."""

import math

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from loma_mm import CIFARResNet, PyramidNet, WideResNet

NETWORKS = (CIFARResNet, WideResNet, PyramidNet)
SMALL = {
    CIFARResNet: dict(depth=8),
    WideResNet: dict(depth=10, widen_factor=1),
    PyramidNet: dict(depth=11, alpha=12),
}


def small(network, **kwargs):
    torch.manual_seed(0)
    return network(**SMALL[network], **kwargs)


def convolutions(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize(
    'network, kwargs, channels, classes, millions',
    [
        # He et al. 2016, Table 6
        (CIFARResNet, dict(depth=20), 64, 10, '0.27'),
        (CIFARResNet, dict(depth=32), 64, 10, '0.46'),
        (CIFARResNet, dict(depth=56), 64, 10, '0.85'),
        (CIFARResNet, dict(depth=110), 64, 10, '1.7'),
        # Zagoruyko and Komodakis 2016, Tables 4 and 5
        (WideResNet, dict(depth=28, widen_factor=10), 640, 10, '36.5'),
        (WideResNet, dict(depth=28, widen_factor=10), 640, 100, '36.5'),
        (WideResNet, dict(depth=16, widen_factor=8), 512, 10, '11.0'),
        (WideResNet, dict(depth=40, widen_factor=4), 256, 10, '8.9'),
        # Yun et al. 2019 (CutMix), Sec 4.1
        (PyramidNet, dict(depth=200, alpha=240), 1024, 100, '26.8'),
    ],
)
def test_published_size(network, kwargs, channels, classes, millions):
    """Full size, on the meta device; papers count the classifier too."""
    with torch.device('meta'):
        net = network(**kwargs)
        out = net(torch.empty(2, 3, 32, 32))
    assert [x.shape for x in out] == [(2, channels, 8, 8)]
    size = sum(p.numel() for p in net.parameters()) + (channels + 1) * classes
    digits = len(millions.split('.')[1])
    assert f'{size / 1e6:.{digits}f}' == millions


@pytest.mark.parametrize('network', NETWORKS)
def test_defaults_are_the_papers(network):
    with torch.device('meta'):
        net = network()
    expected = {
        # depth = convolutions and the classifier; WRN counts its three
        # 1x1 shortcuts into the depth instead
        CIFARResNet: (20, 20 - 1),
        WideResNet: (28, 28),
        PyramidNet: (200, 200 - 1),
    }
    assert (net.depth, len(convolutions(net))) == expected[network]


@pytest.mark.parametrize(
    'network, channels',
    [
        (CIFARResNet, (16, 32, 64)),
        (WideResNet, (16, 32, 64)),
        (PyramidNet, (80, 96, 112)),
    ],
)
@pytest.mark.parametrize('size', [(32, 32), (33, 17), (1, 1)])
def test_stage_shapes(network, channels, size):
    outs = small(network, out_indices=(0, 1, 2))(torch.rand(2, 3, *size))
    assert isinstance(outs, tuple)
    for i, out in enumerate(outs):
        assert out.shape == (2, channels[i], *(math.ceil(side / 2**i) for side in size))


@pytest.mark.parametrize('network', NETWORKS)
def test_out_indices(network):
    net = small(network, out_indices=(0, 1, 2)).eval()
    x = torch.rand(1, 3, 16, 16)
    every = net(x)
    for indices, picked in (
        ((2,), [2]),
        (1, [1]),
        (-1, [2]),
        ([2, 0], [0, 2]),
        ((0, -3), [0]),
    ):
        other = small(network, out_indices=indices).eval()
        other.load_state_dict(net.state_dict())
        outs = other(x)
        assert len(outs) == len(picked)
        for i, out in zip(picked, outs):
            assert torch.equal(out, every[i])


@pytest.mark.parametrize('network', NETWORKS)
def test_last_norm_shapes_the_last_stage_only(network):
    """What follows a stage sees its plain output, so l = 2 is layer2's."""
    net = small(network, out_indices=(0, 1, 2)).eval()
    plain = {}
    for name in ('layer1', 'layer2', 'layer3'):
        getattr(net, name).register_forward_hook(
            lambda _, __, out, name=name: plain.update({name: out.clone()})
        )
    outs = net(torch.randn(2, 3, 16, 16))
    assert torch.equal(outs[0], plain['layer1'])
    assert torch.equal(outs[1], plain['layer2'])
    assert outs[2].min() >= 0
    if network is CIFARResNet:
        assert torch.equal(outs[2], plain['layer3'])
    else:
        assert plain['layer1'].min() < 0 and plain['layer3'].min() < 0
        torch.testing.assert_close(outs[2], net.last_norm(plain['layer3']))


def test_option_a_shortcut():
    """With zero residuals a stage subsamples and appends zero channels."""
    net = small(CIFARResNet, out_indices=(0, 1))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    for block in net.layer2:
        nn.init.zeros_(block.norm2.weight)
    first, second = net(torch.rand(1, 3, 9, 9))
    assert torch.equal(second[:, :16], first[..., ::2, ::2])
    assert not second[:, 16:].any()


def test_pyramid_shortcut():
    """With zero residuals a stage pools and appends zero channels."""
    net = small(PyramidNet, out_indices=(0, 1)).eval()
    for block in net.layer2:
        nn.init.zeros_(block.norm4.weight)
    first, second = net(torch.rand(1, 3, 8, 8))
    pooled = nn.functional.avg_pool2d(first, 2)
    torch.testing.assert_close(second[:, : first.size(1)], pooled)
    assert not second[:, first.size(1) :].any()


def test_pyramid_widths():
    """Eq 2 of the paper: 16 at first, 16 + alpha at last, in equal steps."""
    net = PyramidNet(depth=29, alpha=90)
    widths = [
        block.conv2.out_channels
        for stage in (net.layer1, net.layer2, net.layer3)
        for block in stage
    ]
    assert widths == [26, 36, 46, 56, 66, 76, 86, 96, 106]


def test_wide_resnet_block_shares_the_activated_input():
    net = small(WideResNet)
    assert [block.shortcut is None for block in net.layer1] == [True]
    assert [block.shortcut is None for block in net.layer2] == [False]
    dropped = small(WideResNet, drop_rate=0.5)
    assert [m.p for m in dropped.modules() if isinstance(m, nn.Dropout)] == [0.5] * 3


@pytest.mark.parametrize('network', NETWORKS)
def test_initialisation(network):
    net = small(network)
    nn.init.constant_(convolutions(net)[0].weight, 7)
    net.init_weights()
    for conv in convolutions(net):
        fan_out = conv.out_channels * math.prod(conv.kernel_size)
        std = math.sqrt(2 / fan_out)
        # The sample deviation of n normal numbers is off by about
        # std / sqrt(2n).
        error = std / math.sqrt(2 * conv.weight.numel())
        assert abs(conv.weight.std().item() - std) < 5 * error
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert (norm.weight == 1).all() and (norm.bias == 0).all()


@pytest.mark.parametrize('network', NETWORKS)
def test_with_cp_gives_the_same_gradients(network):
    x = torch.rand(2, 3, 8, 8)
    grads = []
    for with_cp in (False, True):
        net = small(network, with_cp=with_cp)
        net(x)[-1].square().mean().backward()
        grads.append([p.grad for p in net.parameters()])
    for plain, checkpointed in zip(*grads):
        torch.testing.assert_close(plain, checkpointed)


@pytest.mark.parametrize('network', NETWORKS)
def test_every_parameter_learns(network):
    net = small(network)
    net(torch.rand(2, 3, 16, 16))[-1].square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize('network', NETWORKS)
def test_registered_in_root(network):
    net = MODELS.build(dict(type=network.__name__, **SMALL[network], in_channels=1))
    assert type(net) is network
    assert net(torch.rand(1, 1, 8, 8))[0].shape[2:] == (2, 2)


@pytest.mark.parametrize(
    'network, depth, message',
    [
        (CIFARResNet, 18, r'CIFARResNet must be 6n \+ 2 \(8, 14, 20, ...\)'),
        (CIFARResNet, 2, 'got 2'),
        (CIFARResNet, 20.0, 'got 20.0'),
        (WideResNet, 20, r'WideResNet must be 6n \+ 4 \(10, 16, 22, ...\)'),
        (PyramidNet, 100, r'PyramidNet must be 9n \+ 2 \(11, 20, 29, ...\)'),
        (PyramidNet, -7, 'got -7'),
    ],
)
def test_bad_depth(network, depth, message):
    with pytest.raises(ValueError, match=message):
        network(depth=depth)


@pytest.mark.parametrize('indices', [3, -4, (0, 3), (), (1.0,)])
def test_bad_out_indices(indices):
    with pytest.raises(ValueError, match='out_indices must name stages'):
        small(CIFARResNet, out_indices=indices)


def test_bad_widths():
    with pytest.raises(ValueError, match='widen_factor must be a positive'):
        WideResNet(widen_factor=0)
    with pytest.raises(ValueError, match='alpha must be a number >= 0'):
        PyramidNet(alpha=-1)
