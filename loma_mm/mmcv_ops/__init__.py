"""mmcv's operators from torchvision and PyTorch, where mmcv has none compiled.

Importing this module lets ``import mmcv.ops`` (hence MMDetection) work with an
mmcv whose extension ``mmcv._ext`` was not compiled: mmcv-lite, or mmcv beside a
PyTorch for which it cannot be compiled. A compiled extension is left alone.

==========================  ==================================================
mmcv's operator             computed by
==========================  ==================================================
nms, batched_nms            torchvision's nms
soft_nms, nms_match         NumPy, the loop over kept boxes as mmcv has it
RoIAlign, avg and max       torchvision's roi_align
RoIPool                     PyTorch; torchvision rounds regions, mmcv does not
DeformConv2d (v1 and v2)    torchvision's deform_conv2d
SigmoidFocalLoss            torchvision's sigmoid_focal_loss
MultiScaleDeformable-       mmcv's own form in PyTorch, on a GPU too
Attention
bbox_overlaps               mmcv's own form in PyTorch
==========================  ==================================================

Forward and backward; CPU and CUDA by the same calls; float32 and float64, and
float16 and bfloat16, which are computed in float32 and rounded once. Any other
operator of ``mmcv.ops`` can be imported and raises :class:`MissingOperatorError`
when it is called. (mmcv has no position-sensitive RoI pooling.)

In a config file for MMDetection's own tools (``--cfg-options`` come too late)::

    custom_imports = dict(imports=['loma_mm.mmcv_ops'])

Order: before what needs ``mmcv.ops``; after an import of ``mmcv.ops`` or of
``mmdet.models`` that failed it is not too late. A worker that is spawned, not
forked, imports the main script again and nothing of the config: then this
import belongs at the top of that script.
"""

import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Each puts its operators into OPERATORS.
from . import attention, boxes, deform, focal, roi  # noqa: F401
from ._common import OPERATORS, MissingOperatorError

__all__ = ['OPERATORS', 'MissingOperatorError', 'is_active']

NAME = 'mmcv._ext'


class Extension(ModuleType):
    """Stands for ``mmcv._ext``; names that it lacks raise when called."""

    def __getattr__(self, name: str):
        # The import system asks for dunder names and takes no for an answer.
        if name.startswith('__'):
            raise AttributeError(f'module {NAME!r} has no attribute {name!r}')

        def missing(*args, **kwargs):
            raise MissingOperatorError(name)

        return missing


class ExtensionFinder(MetaPathFinder, Loader):
    """Finds ``mmcv._ext``; last in ``sys.meta_path``, so compiled ones win."""

    def find_spec(self, fullname, path=None, target=None):
        return ModuleSpec(NAME, self) if fullname == NAME else None

    def create_module(self, spec):
        return Extension(spec.name)

    def exec_module(self, module):
        module.__dict__.update(OPERATORS)


def is_active() -> bool:
    """Whether the operators that mmcv has, or will have, come from here.

    False with a compiled mmcv, and without any mmcv.
    """
    try:
        spec = importlib.util.find_spec(NAME)
    except (ImportError, ValueError):
        return False
    return spec is not None and _is_ours(spec.loader)


def _is_ours(finder: object) -> bool:
    # By name: another import of this module has another class.
    return type(finder).__module__ == __name__


if not any(map(_is_ours, sys.meta_path)):
    sys.meta_path.append(ExtensionFinder())
