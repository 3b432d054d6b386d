import subprocess
import sys


def test_importing_the_package_brings_in_no_heavy_module():
    """Neither a toolbox nor what only a command or a figure needs."""
    code = (
        'import sys, mmcv, mmengine; before = set(sys.modules); '
        'import loma_mm; print(*set(sys.modules) - before)'
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
            )
        )
    ] == []
