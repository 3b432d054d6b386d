"""Operators from torchvision against mmcv's compiled ones and plain loops."""

import importlib.util
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from loma_mm.mmcv_ops import OPERATORS, MissingOperatorError, is_active
from tests.data import make_mmcv_ops
from tests.helpers import ROOT, run_python

OURS = SimpleNamespace(**OPERATORS)
# float32: the order of sums in a convolution's gradient differs.
CLOSE = dict(rtol=1e-4, atol=2e-5)
needs_compiled = pytest.mark.skipif(is_active(), reason='mmcv is not compiled')
# Ours in a process, whatever mmcv is installed.
OURS_FIRST = """
import sys
import loma_mm.mmcv_ops
sys.meta_path.insert(0, loma_mm.mmcv_ops.ExtensionFinder())
"""


def python(code, *arguments):
    """Run code in a new process and return what it prints."""
    done = subprocess.run(
        [sys.executable, '-c', code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_equal(results, expected, **tolerance):
    assert len(results) == len(expected)
    for result, right in zip(results, expected):
        torch.testing.assert_close(result, right, **tolerance)


def run(ops, name, tensors, settings):
    program = make_mmcv_ops.PROGRAMS[name]
    return program(ops, *(t.clone() for t in tensors), **settings)


def test_results_are_those_that_compiled_operators_gave():
    stored = torch.load(make_mmcv_ops.STORED)
    assert {name for name, *_ in stored} == make_mmcv_ops.PROGRAMS.keys()
    for name, tensors, settings, expected in stored:
        assert_equal(run(OURS, name, tensors, settings), expected, **CLOSE)


@needs_compiled
@pytest.mark.parametrize('seed', range(1, 11))
def test_results_are_those_that_compiled_operators_give(seed):
    from mmcv import _ext

    for name, tensors, settings in make_mmcv_ops.make_cases(seed):
        results = run(OURS, name, tensors, settings)
        assert_equal(results, run(_ext, name, tensors, settings), **CLOSE)


@needs_compiled
@pytest.mark.parametrize('aligned', [False, True])
def test_roi_align_is_equal_to_the_last_bit(aligned):
    from mmcv import _ext

    settings = dict(spatial_scale=0.25, sampling_ratio=0, pool_mode=1, aligned=aligned)
    rois = torch.cat([torch.zeros(50, 1), make_mmcv_ops.make_boxes(50)], 1)
    tensors = torch.randn(1, 8, 20, 20), rois, torch.randn(50, 8, 7, 7)
    results = run(OURS, 'roi_align', tensors, settings)
    assert_equal(results, run(_ext, 'roi_align', tensors, settings), rtol=0, atol=0)


@needs_compiled
def test_ties_come_in_the_order_of_compiled_nms():
    from mmcv import _ext

    torch.manual_seed(0)
    for count in (10, 100, 1000):
        boxes = make_mmcv_ops.make_boxes(count)
        scores = torch.randint(0, 4, (count,)) / 4.0
        for offset in (0, 1):
            tensors, settings = [boxes.round(), scores], dict(offset=offset)
            results = run(OURS, 'nms', tensors, settings)
            assert_equal(results, run(_ext, 'nms', tensors, settings))


def test_nms_compares_overlaps_in_float32():
    # IoU 0.6 in float32 is more than 0.6 in float64, and not more than itself.
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6]])
    scores = torch.tensor([0.9, 0.8])
    keep = OURS.nms(boxes, scores, iou_threshold=0.6, offset=0)
    assert keep.tolist() == [0, 1]


def iou(first, second, offset):
    width, height = np.maximum(
        np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]) + offset,
        0,
    )
    areas = [np.prod(box[2:] - box[:2] + offset) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize('offset', [0, 1])
def test_nms_is_the_double_loop(offset, dtype):
    torch.manual_seed(offset)
    # Whole pixels: float16 holds them.
    boxes = make_mmcv_ops.make_boxes(50).round().to(dtype)
    scores = torch.randperm(50).to(dtype)
    kept = []
    for i in scores.argsort(descending=True).tolist():
        box = boxes[i].double().numpy()
        if all(iou(box, boxes[j].double().numpy(), offset) <= 0.45 for j in kept):
            kept.append(i)
    keep = OURS.nms(boxes, scores, iou_threshold=0.45, offset=offset)
    assert keep.tolist() == kept and len(kept) < 50


def roi_pool_by_loops(x, rois, size, scale):
    """mmcv's definition, read off roi_pool_cuda_kernel.cuh."""
    output = np.zeros((len(rois), x.shape[1], *size))
    argmax = np.zeros(output.shape, int)
    height, width = x.shape[2:]
    for k, (b, x1, y1, x2, y2) in enumerate(rois):
        x1, y1, x2, y2 = x1 * scale, y1 * scale, (x2 + 1) * scale, (y2 + 1) * scale
        if x2 <= x1 or y2 <= y1:
            continue
        for ph, pw in np.ndindex(*size):
            high, wide = (y2 - y1) / size[0], (x2 - x1) / size[1]
            top, bottom = np.floor(ph * high + y1), np.ceil((ph + 1) * high + y1)
            left, right = np.floor(pw * wide + x1), np.ceil((pw + 1) * wide + x1)
            top, bottom = (int(min(max(v, 0), height)) for v in (top, bottom))
            left, right = (int(min(max(v, 0), width)) for v in (left, right))
            for c in range(x.shape[1]):
                bin_ = x[int(b), c, top:bottom, left:right]
                argmax[k, c, ph, pw] = -1
                if bin_.size:
                    output[k, c, ph, pw] = bin_.max()
                    h, w = np.unravel_index(bin_.argmax(), bin_.shape)
                    argmax[k, c, ph, pw] = (top + h) * width + left + w
    return output, argmax


def test_roi_pool_is_the_loop_over_bins(monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 12, 15, dtype=torch.float64)
    boxes = make_mmcv_ops.make_boxes(12) - 8
    boxes[0, 2:] = boxes[0, :2] - 3  # no area: left alone
    boxes[1] = torch.tensor([200.0, 200, 230, 230])  # outside: empty bins
    rois = torch.cat([torch.arange(12)[:, None] % 2, boxes], 1).double()
    size, shape = (3, 4), (12, 3, 3, 4)
    expected, places = roi_pool_by_loops(x.numpy(), rois.numpy(), size, 0.25)
    settings = dict(pooled_height=3, pooled_width=4, spatial_scale=0.25)
    module = sys.modules[OPERATORS['roi_pool_forward'].__module__]
    for gathered in (module.GATHERED, 1):  # all regions at once, one by one
        monkeypatch.setattr(module, 'GATHERED', gathered)
        output, argmax = x.new_zeros(shape), torch.zeros(shape, dtype=torch.int)
        OURS.roi_pool_forward(x, rois, output, argmax, **settings)
        np.testing.assert_array_equal(output, expected)
        np.testing.assert_array_equal(argmax, places)
    grad, grad_input = torch.randn(shape).double(), torch.zeros_like(x)
    # A region without area has argmax 0 everywhere and, here, no gradient.
    grad[0] = 0
    OURS.roi_pool_backward(grad, rois, argmax, grad_input, **settings)
    right = np.zeros(x.shape)
    for k, c, ph, pw in np.ndindex(*shape):
        if places[k, c, ph, pw] >= 0:
            h, w = divmod(places[k, c, ph, pw], 15)
            right[int(rois[k, 0]), c, h, w] += grad[k, c, ph, pw]
    np.testing.assert_allclose(grad_input, right)


def test_sigmoid_focal_loss_is_its_definition():
    torch.manual_seed(0)
    logits = torch.randn(9, 4, dtype=torch.float64) * 3
    target = torch.tensor([0, 1, 2, 3, 4, 4, 0, 1, 2])  # 4: background
    weight = torch.rand(4, dtype=torch.float64)
    for w in (weight, weight[:0]):
        output = torch.zeros_like(logits)
        OURS.sigmoid_focal_loss_forward(logits, target, w, output, gamma=1.5, alpha=0.3)
        for n, c in np.ndindex(9, 4):
            p = 1 / (1 + np.exp(-logits[n, c].item()))
            if target[n] == c:
                loss = -0.3 * (1 - p) ** 1.5 * np.log(p)
            else:
                loss = -0.7 * p**1.5 * np.log(1 - p)
            if len(w) and target[n] < 4:
                loss *= w[target[n]].item()
            assert output[n, c].item() == pytest.approx(loss)


# mmcv's own autograd functions on top of our operators, in float64.
GRADIENTS = (
    OURS_FIRST
    + """
import contextlib
import torch
from mmcv import ops
from torch.autograd import gradcheck
assert loma_mm.mmcv_ops.is_active()
torch.manual_seed(0)
def rand(*shape): return torch.randn(*shape, dtype=torch.float64, requires_grad=True)
rois = torch.tensor([[0, 1, 2, 9.25, 7.25], [1, -2, 0, 5.75, 8.25]]).double()
for mode in 'avg', 'max':
    for ratio in 0, 2:
        assert gradcheck(lambda x: ops.roi_align(x, rois, 3, .5, ratio, mode, True),
                         rand(2, 2, 5, 6))
assert gradcheck(lambda x: ops.roi_pool(x, rois, 2, .5), rand(2, 2, 5, 6))
x, weight = rand(2, 4, 5, 6), rand(2, 2, 3, 3)
offset, mask, bias = rand(2, 36, 3, 2), rand(2, 18, 3, 2), rand(2)
shape = dict(stride=(2, 3), padding=(1, 1), dilation=(1, 2), groups=2, deform_groups=2)
offset, mask = rand(2, 36, 3, 2), rand(2, 18, 3, 2)
assert gradcheck(lambda *a: ops.deform_conv2d(*a, *shape.values()), (x, offset, weight))
for b in bias, None:
    assert gradcheck(lambda *a: ops.modulated_deform_conv2d(*a, *shape.values()),
                     (x, offset, mask, weight, b))
target = torch.tensor([0, 3, 1, 2, 2])
for reduction in 'none', 'mean', 'sum':
    assert gradcheck(lambda x: ops.sigmoid_focal_loss(
        x, target, 2., .25, torch.tensor([1., 2., 3.]).double(), reduction), rand(5, 3))
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction as MSDA
levels, start = torch.tensor([[3, 4], [2, 2]]), torch.tensor([0, 12])
places = torch.rand(2, 3, 2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
assert gradcheck(lambda v, p, w: MSDA.apply(v, levels, start, p, w, 64),
                 (rand(2, 16, 2, 3), places, rand(2, 3, 2, 2, 2)))

# Reduced precision: float32's result rounded, alone and under autocast.
for dtype in torch.float16, torch.bfloat16:
    half = [t.detach().to(dtype).requires_grad_() for t in (x, offset, mask, weight)]
    wide = [t.detach().float().requires_grad_() for t in half]
    # PyTorch 2.1 knows no autocast to float16 on a CPU.
    known = dtype is torch.bfloat16 or hasattr(torch.amp, 'is_autocast_available')
    for inputs in half, wide:
        a, o, m, w = inputs
        auto = contextlib.nullcontext()
        if inputs is half and known:
            auto = torch.autocast('cpu', dtype=dtype)
        with auto:
            inputs.append([
                ops.roi_align(a, rois.to(a), 3, .5, 2, 'avg', True),
                ops.roi_align(a, rois.to(a), 3, .5, 2, 'max', True),
                ops.roi_pool(a, rois.to(a), 2, .5),
                ops.deform_conv2d(a, o, w, *shape.values()),
                ops.modulated_deform_conv2d(a, o, m, w, None, *shape.values())])
        sum(out.sum() for out in inputs[-1]).backward()
    for h, f in zip(half[-1], wide[-1]):
        assert h.dtype == dtype and torch.equal(h, f.to(dtype))
    for h, f in zip(half[:4], wide[:4]):
        torch.testing.assert_close(h.grad.float(), f.grad, rtol=.02, atol=.05)
print('done')
"""
)


@pytest.mark.slow
def test_gradients_are_finite_differences_and_half_is_float32_rounded():
    assert python(GRADIENTS) == 'done\n'


def test_classes_are_apart_unless_agnostic():
    code = """
import torch
from mmcv.ops import batched_nms, nms, soft_nms
box = torch.tensor([[0., 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]])
scores, classes = torch.tensor([.5, .9, .1]), torch.tensor([0, 1, 0])
for agnostic, right in (False, [1, 0, 2]), (True, [1, 2]):
    dets, keep = batched_nms(box, scores, classes, dict(type='nms', iou_threshold=.5),
                             class_agnostic=agnostic)
    assert keep.tolist() == right and torch.equal(dets[:, :4], box[keep])
dets, keep = nms(box.numpy(), scores.numpy(), .5, score_threshold=.2, max_num=1)
assert keep.tolist() == [1]
dets, keep = soft_nms(box, scores, .3, method='linear')
assert keep.tolist() == [1, 2] and abs(dets[0, 4] - .9) < 1e-6
print('done')
"""
    assert python(OURS_FIRST + code) == 'done\n'


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_a_gpu_gives_what_the_cpu_gives():
    on_cpu = {'softnms', 'bbox_overlaps'}  # mmcv calls softnms on the CPU alone
    for name, tensors, settings in make_mmcv_ops.make_cases(0):
        if name in on_cpu:
            continue
        expected = run(OURS, name, tensors, settings)
        results = run(OURS, name, [t.cuda() for t in tensors], settings)
        assert_equal([t.cpu() for t in results], expected, rtol=1e-3, atol=1e-4)


def test_other_operators_import_and_say_what_to_do_when_called():
    code = """
import torch
from mmcv.ops import nms_rotated, box_iou_rotated
try:
    box_iou_rotated(torch.rand(2, 5), torch.rand(2, 5))
except NotImplementedError as error:
    print(error)
"""
    message = python(OURS_FIRST + code)
    assert 'box_iou_rotated' in message and 'OPS=compiled' in message
    assert message.count('\n') == 1
    assert str(MissingOperatorError('box_iou_rotated')) == message.strip()


@pytest.mark.parametrize(
    'code',
    [
        # twice, and mmcv before it
        """
del sys.modules['loma_mm.mmcv_ops']
import mmcv
import loma_mm.mmcv_ops
""",
        # after a failed import
        """
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == 'mmcv._ext':
            raise ModuleNotFoundError("No module named 'mmcv._ext'")
sys.meta_path.insert(0, Refuse())
try:
    import mmcv.ops
except ModuleNotFoundError:
    del sys.meta_path[0]
else:
    raise AssertionError
""",
    ],
    ids=['twice', 'after a failed import'],
)
def test_the_order_of_imports(code):
    after = """
import mmcv.ops
assert loma_mm.mmcv_ops.is_active()
from importlib.util import find_spec
assert find_spec('mmcv._ext').name == 'mmcv._ext'
print(mmcv.ops.get_compiler_version())
finders = [type(finder).__name__ for finder in sys.meta_path]
assert finders.count('ExtensionFinder') == 2  # that of the module, and the first
assert 'mmdet' not in sys.modules
"""
    assert 'torchvision' in python(OURS_FIRST + code + after)


def test_spawned_workers_import_it_with_the_main_script(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text(
        OURS_FIRST
        + """
import multiprocessing
def worker(queue):
    import mmcv.ops
    queue.put(loma_mm.mmcv_ops.is_active())
if __name__ == '__main__':
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    process = context.Process(target=worker, args=(queue,))
    process.start()
    print(queue.get(timeout=120))
    process.join()
"""
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | {'PYTHONPATH': os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert done.stdout == 'True\n', done.stderr


@needs_compiled
def test_compiled_operators_are_left_alone():
    import mmcv._ext

    assert mmcv._ext.__file__.endswith('.so')
    assert importlib.util.find_spec('mmcv._ext').origin == mmcv._ext.__file__


@pytest.fixture(scope='module')
def detectors():
    """What tests/detectors.py prints, for the operators there are."""
    modes = ['torchvision'] if is_active() else ['torchvision', 'compiled']
    outputs = {}
    for mode in modes:
        done = run_python('-m', 'tests.detectors', mode)
        outputs[mode] = json.loads(done.stdout.splitlines()[-1])
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    [
        'Faster R-CNN',
        'Mask R-CNN',
        'Cascade R-CNN',
        'RetinaNet',
        'FCOS',
        'DCN',
        'DCNv2',
        'Deformable DETR',
    ],
)
def test_detectors_train_and_predict(detectors, name):
    ours = detectors['torchvision'][name]
    assert ours.pop('is_active')
    assert all(np.isfinite(loss) for loss in ours['losses'].values())
    assert 0 < ours['step'] < np.inf
    assert len(ours['boxes']) == len(ours['scores']) > 0
    assert np.isfinite(ours['boxes']).all()
    if 'compiled' in detectors:
        right = detectors['compiled'][name]
        assert not right.pop('is_active')
        assert ours['losses'] == pytest.approx(right['losses'], rel=1e-4)
        assert ours['step'] == pytest.approx(right['step'], rel=1e-3)
        assert len(ours['boxes']) == len(right['boxes'])
        np.testing.assert_allclose(ours['scores'], right['scores'], rtol=1e-3)
        np.testing.assert_allclose(ours['boxes'], right['boxes'], atol=0.1)
