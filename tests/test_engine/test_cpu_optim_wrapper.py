import io

import torch
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from loma_mm.engine import CPUOptimWrapper


def test_forward_in_bfloat16_update_in_float32():
    torch.manual_seed(0)
    model = nn.Conv2d(3, 4, 3)
    before = model.weight.detach().clone()
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='loma_mm.engine.CPUOptimWrapper',
            dtype='bfloat16',
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        )
    )
    assert isinstance(wrapper, CPUOptimWrapper)
    x = torch.randn(2, 3, 8, 8)
    expected = torch.func.grad(
        lambda w: torch.nn.functional.conv2d(x, w, model.bias).square().mean()
    )(before)
    with wrapper.optim_context(model):
        out = model(x)
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().square().mean())
    assert model.weight.dtype == torch.float32
    assert model.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        model.weight.detach(), before - 0.1 * expected, atol=1e-3, rtol=0
    )


def test_float32_where_bfloat16_is_slow(monkeypatch):
    """'auto' goes by what the CPU says of itself."""
    model = nn.Conv2d(3, 4, 3)
    for flags, dtype in (
        ('flags : avx2 avx512f', torch.float32),
        ('flags : avx2 avx512_bf16', torch.bfloat16),
    ):
        monkeypatch.setattr(
            'builtins.open', lambda *a, flags=flags, **k: io.StringIO(flags)
        )
        wrapper = CPUOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
        monkeypatch.undo()
        with wrapper.optim_context(model):
            assert model(torch.randn(2, 3, 8, 8)).dtype == dtype
