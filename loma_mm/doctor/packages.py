"""Which distributions are installed, and whether they go together."""

import re
import sys
from importlib import metadata

from .finding import FINE, NOTE, WRONG, Finding

FORK, ORIGINAL = "the maintained forks' (onedl-)", "OpenMMLab's own"
# What provides each module: distribution and the stack it belongs to.
PROVIDERS = {
    'mmengine': {'onedl-mmengine': FORK, 'mmengine': ORIGINAL},
    'mmcv': {'onedl-mmcv': FORK, 'mmcv': ORIGINAL, 'mmcv-lite': ORIGINAL},
    'mmdet': {'onedl-mmdetection': FORK, 'mmdet': ORIGINAL},
    'mmpretrain': {'onedl-mmpretrain': FORK, 'mmpretrain': ORIGINAL},
    'cv2': {
        f'opencv-{name}': ''
        for name in (
            'python',
            'python-headless',
            'contrib-python',
            'contrib-python-headless',
        )
    },
}


def installed() -> dict[str, str]:
    """Version of each installed distribution, by its normalised name."""
    return {
        re.sub(r'[-_.]+', '-', name).lower(): one.version
        for one in metadata.distributions()
        # What an interrupted pip leaves behind has no name.
        if (name := one.metadata['Name'])
    }


def check_packages(versions: dict[str, str]) -> list[Finding]:
    """Say which distributions there are, and which lie over each other.

    Args:
        versions (dict[str, str]): As :func:`installed` gives them.
    """
    python = '.'.join(map(str, sys.version_info[:3]))
    findings = [Finding(FINE, f'Python {python} in {sys.prefix}')]
    stacks: dict[str, list[str]] = {}
    for module, providers in PROVIDERS.items():
        there = [name for name in providers if name in versions]
        named = ' and '.join(f'{name} {versions[name]}' for name in there)
        if len(there) > 1:
            findings.append(
                Finding(
                    WRONG if module != 'cv2' else NOTE,
                    f'{module} comes from {len(there)} distributions, {named}: the '
                    "one installed last wrote over the other's files.",
                    f'pip uninstall {" ".join(there)}; then install one of them again',
                )
            )
        for name in there:
            if providers[name]:
                stacks.setdefault(providers[name], []).append(name)
    if len(stacks) > 1:
        parts = [f'{", ".join(names)} ({stack})' for stack, names in stacks.items()]
        findings.append(
            Finding(
                WRONG,
                f'Both stacks are installed: {" and ".join(parts)}.',
                'keep one of them: pip uninstall the distributions of the other, then '
                'install those of the one you keep again',
            )
        )
    return findings + _check_numpy(versions)


def _check_numpy(versions: dict[str, str]) -> list[Finding]:
    numpy = versions.get('numpy', '')
    if 'mmcv' in versions and 'onedl-mmcv' not in versions and numpy.startswith('2.'):
        return [
            Finding(
                WRONG,
                f'NumPy is {numpy}, and mmcv {versions["mmcv"]} and the PyTorch that '
                'it is made for want NumPy 1.',
                'pip install "numpy<2"',
            )
        ]
    return []


def source(module: str, versions: dict[str, str]) -> str:
    """Which distribution a module comes from, as far as is known."""
    there = [name for name in PROVIDERS.get(module, {module: ''}) if name in versions]
    return ' and '.join(f'{name} {versions[name]}' for name in there)
