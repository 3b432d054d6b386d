"""Imports one thing after the other and says what came of each.

Run in a process of its own, by its path, because an import may end the process:
a line of JSON for each step, ahead of which the step is named.
"""

import importlib
import json
import os
import sys
import traceback
import warnings
from importlib.util import find_spec

STEPS = {}


def step(function):
    """Add a step."""
    STEPS[function.__name__] = function
    return function


def version(name):
    """Import a module."""
    module = importlib.import_module(name)
    return dict(version=getattr(module, '__version__', ''), file=module.__file__)


@step
def numpy():
    """NumPy."""
    return version('numpy')


@step
def torch():
    """PyTorch, its bridge to NumPy, and the GPUs that it sees."""
    found = version('torch')
    import numpy
    import torch

    # Fails where PyTorch was built for another major version of NumPy.
    torch.from_numpy(numpy.zeros(1)).numpy()
    found['cuda'] = torch.version.cuda
    found['gpus'] = [
        torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
    ]
    found['available'] = torch.cuda.is_available()
    return found


@step
def torchvision():
    """torchvision, and one of its operators."""
    found = version('torchvision')
    import torch
    from torchvision.ops import nms

    nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    return found


@step
def cv2():
    """OpenCV."""
    return version('cv2')


@step
def mmengine():
    """MMEngine."""
    return version('mmengine')


@step
def mmcv():
    """mmcv without its operators."""
    return version('mmcv')


@step
def operators():
    """Whose operators mmcv.ops has, and whether one of them runs."""
    compiled = None
    try:
        importlib.import_module('mmcv._ext')
    except Exception as error:
        compiled = f'{type(error).__name__}: {error}'
    ours = False
    if compiled is not None and find_spec('loma_mm') and find_spec('loma_mm.mmcv_ops'):
        ours = importlib.import_module('loma_mm.mmcv_ops').is_active()
    import torch
    from mmcv.ops import nms

    nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)
    return dict(compiled=compiled, ours=ours)


@step
def mmdet():
    """MMDetection with its models."""
    found = version('mmdet')
    importlib.import_module('mmdet.models')
    return found


@step
def mmpretrain():
    """MMPretrain with its models."""
    found = version('mmpretrain')
    importlib.import_module('mmpretrain.models')
    return found


@step
def loma_mm():
    """This package, whose C may not be compiled."""
    found = version('loma_mm')
    from loma_mm.functional.image import is_compiled

    found['compiled'] = is_compiled()
    return found


@step
def data():
    """Where the datasets of the shipped configs should be."""
    from loma_mm.running import load_config
    from loma_mm.running.preflight import missing_data

    found = {}
    for name, config in DATASETS.items():
        cfg = load_config(config)
        paths, hint = missing_data(cfg, ('train', 'test'))
        found[name] = dict(root=os.path.abspath(cfg.data_root), paths=paths, hint=hint)
    return found


# A config of each family that wants data of its own.
DATASETS = {
    'VOC': 'faster-rcnn_r50_fpn_loma-rhombus-1x_voc0712',
    'CIFAR-10': 'resnet20_1xb128-loma-if-fo_cifar10',
    'CIFAR-100': 'resnet20_1xb128-loma-if-fo_cifar100',
    'ImageNet': 'resnet50_8xb32-loma-if-fo_in1k',
}


def config():
    """The config of the command line, as training checks it."""
    from loma_mm.errors import LomaError, LomaWarning
    from loma_mm.running import check_before_start, load_config

    wrong = None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try:
            cfg = load_config(os.environ['LOMA_DOCTOR_CONFIG'])
            check_before_start(cfg, ('train', 'val', 'test'))
        except LomaError as error:
            wrong = str(error)
    # Where mmcv's operators come from is said above.
    notes = [str(one.message) for one in said if one.category is LomaWarning]
    notes = [note for note in notes if 'loma_mm.mmcv_ops' not in note]
    return dict(wrong=wrong, notes=notes)


STEPS['config'] = config


def take(name):
    """What a step found, or how it failed."""
    try:
        return dict(STEPS[name](), step=name)
    except BaseException as error:
        return dict(
            step=name,
            error=type(error).__name__,
            message=' '.join(str(error).split()),
            missing=getattr(error, 'name', None)
            if isinstance(error, ModuleNotFoundError)
            else None,
            trace=traceback.format_exc(),
        )


def main(names):
    """Take steps; what they print goes to the standard error."""
    out = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)
    for name in names:
        print(json.dumps(dict(step=name)), file=out, flush=True)
        print(json.dumps(dict(take(name), done=True)), file=out, flush=True)


if __name__ == '__main__':
    main(sys.argv[1:])
