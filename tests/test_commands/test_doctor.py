"""The doctor, in environments that are broken on purpose.

A folder ahead on PYTHONPATH shadows what is installed; a sitecustomize.py in it
hides modules or puts others in their place.
"""

import os
from importlib.util import find_spec
from unittest import mock

import pytest

from loma_mm.doctor.finding import FINE, NOTE, WRONG
from loma_mm.doctor.imports import check_imports, gpus, probe
from loma_mm.doctor.machine import check_driver, check_room
from loma_mm.doctor.packages import check_packages
from tests.helpers import DETECTOR, ROOT, run_command

pytest.importorskip('mmdet')

HIDE = """
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location

find, others = PathFinder.find_spec, {others!r}

def find_spec(name, path=None, target=None):
    if name in others:
        return others[name] and spec_from_file_location(name, others[name])
    return find(name, path, target)

PathFinder.find_spec = find_spec
"""
UNDEFINED = (
    'mmcv/_ext.cpython-311-x86_64-linux-gnu.so: undefined symbol: '
    '_ZN3c1017RegisterOperatorsD1Ev'
)


def doctor(folder, *words):
    """Run it with a folder ahead of everything; exit code and what it said."""
    with mock.patch.dict(os.environ, PYTHONPATH=f'{folder}{os.pathsep}{ROOT}'):
        done = run_command('doctor', *words, check=False)
    assert 'Traceback' not in done.stdout
    return done.returncode, done.stdout


def hide(folder, **others):
    """Let modules be absent (None) or another file."""
    (folder / 'sitecustomize.py').write_text(HIDE.format(others=others))


def broken_module(folder, name, code):
    path = folder / f'{name}.py'
    path.write_text(code)
    return str(path)


def remedy(text, name):
    """The line that says what to do about the first thing that names it."""
    lines = text.splitlines()
    at = next(
        i for i, line in enumerate(lines) if line.startswith('wrong') and name in line
    )
    return lines[at + 1]


def test_what_is_installed_is_said(tmp_path):
    code, text = doctor(tmp_path)
    assert code == ('\nwrong' in text)
    for name in ('PyTorch 2', 'torchvision 0', 'MMEngine 0', 'mmcv 2', 'MMDetection 3'):
        assert f'fine   {name}' in text
    assert "mmcv's operators" in text and 'shared memory' in text
    # This clone has no data: where the configs look, and where it comes from.
    assert 'VOC is not where' in text or 'VOC is in' in text
    assert 'ImageNet is not where' in text or 'ImageNet is in' in text
    assert 'CIFAR-100 is not where' in text or 'CIFAR-100 is in' in text


def test_without_mmcv(tmp_path):
    hide(tmp_path, mmcv=None)
    code, text = doctor(tmp_path)
    assert code == 1
    assert 'wrong  mmcv is not installed.' in text
    assert 'make env' in remedy(text, 'mmcv is not installed')
    assert 'fine   MMEngine' in text and 'fine   OpenCV' in text


def test_operators_of_another_pytorch(tmp_path):
    path = broken_module(tmp_path, '_ext', f'raise ImportError({UNDEFINED!r})')
    hide(tmp_path, **{'mmcv._ext': path})
    code, text = doctor(tmp_path)
    assert code == 1
    assert 'compiled for another PyTorch' in text and 'undefined symbol' in text
    assert 'install it again' in remedy(text, "mmcv's operators")
    assert 'fine   mmcv 2' in text


def test_operators_that_are_not_compiled(tmp_path):
    hide(tmp_path, **{'mmcv._ext': None})
    code, text = doctor(tmp_path)
    if find_spec('loma_mm.mmcv_ops'):
        assert "fine   mmcv's operators come from torchvision" in text
    else:
        assert code == 1
        assert 'loma_mm.mmcv_ops' in remedy(text, "mmcv's operators")


def test_opencv_without_libgl(tmp_path):
    broken_module(
        tmp_path,
        'cv2',
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file')",
    )
    code, text = doctor(tmp_path)
    assert code == 1
    assert 'opencv-python-headless' in remedy(text, 'OpenCV')
    assert 'fine   PyTorch' in text


def test_an_import_that_ends_the_process(tmp_path):
    broken_module(tmp_path, 'cv2', 'import os; os.abort()')
    results = run_probe(tmp_path, ['numpy', 'cv2', 'torchvision'])
    (finding,) = check_imports({'cv2': results['cv2']}, {})
    assert finding.level == WRONG and 'ended the process' in finding.text
    assert 'error' not in results['numpy']
    assert 'error' not in results['torchvision']


def run_probe(folder, steps):
    before = os.environ.get('PYTHONPATH')
    os.environ['PYTHONPATH'] = f'{folder}{os.pathsep}{ROOT}'
    try:
        return probe(steps)
    finally:
        os.environ.pop('PYTHONPATH')
        if before is not None:
            os.environ['PYTHONPATH'] = before


def test_numpy_2_under_modules_built_for_numpy_1(tmp_path):
    broken_module(
        tmp_path, 'cv2', "raise ImportError('numpy.core.multiarray failed to import')"
    )
    (finding,) = check_imports(run_probe(tmp_path, ['cv2']), {})
    assert finding.level == WRONG and finding.remedy == 'pip install "numpy<2"'


def test_numpy_2_with_the_old_stack():
    findings = check_packages({'numpy': '2.2.6', 'mmcv': '2.1.0', 'mmdet': '3.3.0'})
    assert [f.remedy for f in findings if f.level == WRONG] == ['pip install "numpy<2"']
    fine = check_packages({'numpy': '1.26.4', 'mmcv': '2.1.0', 'mmdet': '3.3.0'})
    assert not [f for f in fine if f.level == WRONG]
    forks = check_packages({'numpy': '2.2.6', 'onedl-mmcv': '2.3.6'})
    assert not [f for f in forks if f.level == WRONG]


def test_both_stacks_over_each_other(tmp_path):
    for name, version in (('mmcv', '2.1.0'), ('onedl_mmcv', '2.3.6')):
        folder = tmp_path / f'{name}-{version}.dist-info'
        folder.mkdir()
        (folder / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {name.replace("_", "-")}\n'
            f'Version: {version}\n'
        )
    hide(tmp_path, mmcv=None, mmengine=None)
    code, text = doctor(tmp_path)
    assert code == 1
    assert 'mmcv comes from 2 distributions, onedl-mmcv 2.3.6 and mmcv 2.1.0' in text
    assert 'wrong  Both stacks are installed' in text
    assert 'pip uninstall' in remedy(text, 'mmcv comes from')


def test_little_room_is_said(tmp_path, monkeypatch):
    class Usage:
        free = 64 * 2**20

    monkeypatch.setattr('shutil.disk_usage', lambda path: Usage)
    disk, shm = check_room('.', str(tmp_path))
    assert disk.level == WRONG and '--work-dir' in disk.remedy
    assert shm.level == NOTE and '--shm-size' in shm.remedy


@pytest.mark.parametrize(
    ('result', 'level', 'said'),
    [
        (dict(available=True, cuda='13.0', gpus=['NVIDIA H100']), FINE, 'NVIDIA H100'),
        (dict(available=False, cuda=None), NOTE, 'built without CUDA'),
        (dict(available=False, cuda='13.0'), NOTE, 'sees no GPU'),
    ],
)
def test_what_pytorch_sees_of_gpus(result, level, said):
    found = gpus(result)
    assert found.level == level and said in found.text


@pytest.mark.parametrize(
    ('script', 'sees_gpu', 'level', 'words'),
    [
        ('echo "NVIDIA H100, 550.54.15"', True, FINE, 'NVIDIA H100, 550.54.15'),
        ('echo "NVIDIA H100, 550.54.15"', False, WRONG, 'PyTorch sees nothing'),
        ('echo "Driver/library version mismatch"; exit 18', True, WRONG, 'mismatch'),
        (None, False, NOTE, 'no NVIDIA driver'),
    ],
)
def test_the_driver(tmp_path, monkeypatch, script, sees_gpu, level, words):
    if script is not None:
        program = tmp_path / 'nvidia-smi'
        program.write_text(f'#!/bin/sh\n{script}\n')
        program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    finding = check_driver(sees_gpu)
    assert finding.level == level and words in finding.text
    assert bool(finding.remedy) == (level == WRONG)


def test_a_config_without_its_data(tmp_path):
    copy = tmp_path / 'mine.py'
    copy.write_text(f"_base_ = {str(DETECTOR)!r}\ndata_help = 'look in the cellar'\n")
    code, text = doctor(tmp_path, '--config', copy)
    if not (ROOT / 'data/digits-voc').exists():
        assert code == 1 and 'look in the cellar' in text
    code, text = doctor(tmp_path, '--config', tmp_path / 'none.py')
    assert code == 1 and 'no config file' in text
