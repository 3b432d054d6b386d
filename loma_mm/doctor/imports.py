"""Whether what is installed can be imported, and what to do if it cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .finding import FINE, NOTE, WRONG, Finding
from .packages import source

PROBE = Path(__file__).with_name('probe.py')
NAMES = {
    'numpy': 'NumPy',
    'torch': 'PyTorch',
    'torchvision': 'torchvision',
    'cv2': 'OpenCV',
    'mmengine': 'MMEngine',
    'mmcv': 'mmcv',
    'operators': "mmcv's operators",
    'mmdet': 'MMDetection',
    'mmpretrain': 'MMPretrain',
    'loma_mm': 'loma_mm',
}
# What a message contains, what it means and what to do about it.
CAUSES = (
    (
        ('libGL.so', 'libgthread', 'libSM.so', 'libXext'),
        'OpenCV wants libraries of a desktop, which this machine lacks',
        'pip uninstall opencv-python, then pip install opencv-python-headless; or, '
        'as root, apt-get install libgl1 libglib2.0-0',
    ),
    (
        ('numpy.core.multiarray', '_ARRAY_API', 'Numpy is not available', 'NumPy 1.x'),
        'it was built for NumPy 1 and NumPy 2 is installed',
        'pip install "numpy<2"',
    ),
    (
        ('is incompatible. Please', 'is used but incompatible'),
        'the toolbox refuses the version of another',
        'install the versions of one stack, which the README lists',
    ),
    (
        ('undefined symbol', 'libtorch', 'libc10', 'libcudart', 'DLL load failed'),
        'it was compiled for another PyTorch than the one that is installed',
        'pip uninstall it and install it again for this PyTorch (of mmcv, one '
        'without operators serves too: loma_mm.mmcv_ops has them)',
    ),
    (
        ('No space left', 'Cannot allocate memory'),
        'the machine has no room left',
        'make some and try again',
    ),
)


def probe(steps: Sequence[str], config: str | None = None) -> dict[str, dict]:
    """Take the steps of probe.py, the next after one that ended the process."""
    environment = dict(os.environ)
    if config is not None:
        environment['LOMA_DOCTOR_CONFIG'] = config
    results: dict[str, dict] = {}
    left = list(steps)
    code = 'import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name="__main__")'
    while left:
        done = subprocess.run(
            [sys.executable, '-c', code, str(PROBE), *left],
            env=environment,
            capture_output=True,
            text=True,
            errors='replace',
        )
        for line in done.stdout.splitlines():
            result = json.loads(line)
            results[result['step']] = result
        begun = [name for name in left if name in results]
        if not begun:
            # Python itself did not start.
            results[left[0]] = dict(step=left[0])
            begun = left[:1]
        last = results[begun[-1]]
        if 'done' not in last:
            last.update(
                error='Crash',
                message=f'it ended the process with {done.returncode}: '
                f'{done.stderr.strip()[-300:]}',
                missing=None,
            )
        left = left[len(begun) :]
    return results


def check_imports(results: dict[str, dict], versions: dict[str, str]) -> list[Finding]:
    """Say what can be imported, what cannot, and why.

    Args:
        results (dict[str, dict]): As :func:`probe` gives them.
        versions (dict[str, str]): Installed distributions.
    """
    findings, said = [], ''
    for step in NAMES:
        result = results.get(step)
        if result is None:
            continue
        if 'error' not in result:
            findings.append(_fine(step, result, versions))
        elif result['message'] == said:
            text = f'{NAMES[step]} cannot be imported for the same reason.'
            findings.append(Finding(WRONG, text))
        else:
            findings.append(_failed(step, result, versions))
            said = result['message']
    return findings


def _fine(step: str, result: dict, versions: dict[str, str]) -> Finding:
    if step == 'operators':
        return _operators(result)
    text = f'{NAMES[step]} {result["version"]}'
    origin = source(step, versions)
    if origin and step in ('cv2', 'mmengine', 'mmcv', 'mmdet', 'mmpretrain'):
        text += f', from {origin}'
    if step == 'loma_mm' and not result['compiled']:
        return Finding(
            NOTE,
            f"{text}, whose C is not compiled: the same results, and LOMA's draws on "
            'images take longer.',
            'with a C compiler, pip install loma_mm again; in a clone, '
            'python setup.py build_ext --inplace',
        )
    return Finding(FINE, text)


def _operators(result: dict) -> Finding:
    if result['compiled'] is None:
        return Finding(FINE, "mmcv's operators are compiled and run")
    return Finding(
        FINE if result['ours'] else NOTE,
        "mmcv's operators come from torchvision"
        + (' (loma_mm.mmcv_ops)' if result['ours'] else '')
        + f'; none are compiled ({result["compiled"]})',
    )


def _failed(step: str, result: dict, versions: dict[str, str]) -> Finding:
    name, message = NAMES[step], f'{result["error"]}: {result["message"]}'
    missing = result.get('missing')
    if missing == step:
        # A user of one toolbox does without the other.
        level = NOTE if step in ('mmdet', 'mmpretrain') else WRONG
        return Finding(level, f'{name} is not installed.', _install(step))
    if missing == 'mmcv._ext':
        return Finding(
            WRONG,
            f"mmcv's operators are not compiled, and detectors need them ({message}).",
            "in a config, custom_imports = dict(imports=['loma_mm.mmcv_ops']), which "
            'takes them from torchvision; or install the full mmcv for this PyTorch',
        )
    if missing:
        return Finding(
            WRONG,
            f'{name} cannot be imported, because there is no module {missing}.',
            f'pip install what provides {missing}',
        )
    for signs, cause, remedy in CAUSES:
        if any(sign in message for sign in signs):
            return Finding(WRONG, f'{name}: {cause} ({message}).', remedy)
    return Finding(
        WRONG,
        f'{name} cannot be imported ({message}).',
        f'pip install it again ({source(step, versions) or step})',
    )


def _install(step: str) -> str:
    return {
        'torch': 'pip install torch torchvision',
        'torchvision': 'pip install torchvision, of the version for this PyTorch',
        'cv2': 'pip install opencv-python-headless',
        'numpy': 'pip install numpy',
        'loma_mm': 'run this where loma_mm is',
    }.get(
        step,
        'make env in a clone of loma_mm, or pip install loma_mm with one of its '
        'extras, onedl or openmmlab',
    )


def gpus(result: dict[str, Any]) -> Finding | None:
    """What PyTorch sees of GPUs; None if it could not be asked."""
    if 'error' in result:
        return None
    if result['available']:
        return Finding(FINE, f'CUDA {result["cuda"]} with {", ".join(result["gpus"])}')
    if result['cuda'] is None:
        return Finding(NOTE, 'PyTorch is built without CUDA: it computes on the CPU.')
    return Finding(
        NOTE,
        f'PyTorch is built for CUDA {result["cuda"]} and sees no GPU: it computes on '
        'the CPU.',
    )
