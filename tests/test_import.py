import subprocess
import sys


def test_importing_the_package_brings_in_no_heavy_module():
    """Neither a toolbox nor what only a command or a figure needs.

    Nor does moving labels, whose types are recognised by name.
    """
    code = (
        'import sys, mmcv, mmengine.hooks; before = set(sys.modules); '
        'import numpy as np, loma_mm; '
        "loma = loma_mm.LocalMagnification(prob=1, labels='warp'); "
        'loma(dict(img=np.zeros((9, 9)), gt_bboxes=np.ones((1, 4)))); '
        'print(*set(sys.modules) - before)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], check=True, stdout=subprocess.PIPE, text=True
    )
    new = done.stdout.split()
    assert 'loma_mm' in new
    assert [
        name
        for name in new
        if name.split('.')[0] != 'loma_mm'
        and name.startswith(
            (
                'mmdet',
                'mmpretrain',
                'matplotlib',
                'numba',
                'torch._dynamo',
            )
        )
    ] == []


def test_functional_needs_numpy_and_torch_alone():
    code = (
        'import importlib.abc, importlib.util, sys\n'
        'absent = ("mmcv", "mmengine", "mmdet", "mmpretrain", "cv2", "matplotlib")\n'
        'class Absent(importlib.abc.MetaPathFinder):\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        '        if name.split(".")[0] in absent:\n'
        '            raise ModuleNotFoundError(name)\n'
        'find = importlib.util.find_spec\n'
        'importlib.util.find_spec = lambda name: (\n'
        '    None if name in absent else find(name))\n'
        'sys.meta_path.insert(0, Absent())\n'
        'import numpy as np\n'
        'from loma_mm.functional import MagnificationRegion, magnify_image\n'
        'print(magnify_image(np.eye(9), MagnificationRegion((4, 4), 3.0)).shape)\n'
        'from loma_mm import LocalMagnification\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == '(9, 9)\n', done.stderr
    assert 'loma_mm.LocalMagnification needs mmengine and mmcv' in done.stderr
