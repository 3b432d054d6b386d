"""What can be tested of make_env.py without building an environment."""

import subprocess
import sys

import pytest

from tests.helpers import ROOT, run_python
from tools import make_env

TOOL = ROOT / 'tools' / 'make_env.py'


@pytest.mark.parametrize(
    'stack, pins',
    [
        (
            'onedl',
            {
                'torch': '2.14.1',
                'torchvision': '0.29.1',
                'onedl-mmengine': '0.10.12',
                'onedl-mmcv': '2.3.6',
                'onedl-mmdetection': '3.5.1',
                'onedl-mmpretrain': '1.3.6',
            },
        ),
        (
            'onedl-compiled',
            {
                'torch': '2.9.1',
                'torchvision': '0.24.1',
                'onedl-mmengine': '0.10.12',
                'onedl-mmcv': '2.3.6',
                'onedl-mmdetection': '3.5.1',
                'onedl-mmpretrain': '1.3.6',
            },
        ),
        (
            'openmmlab',
            {
                'torch': '2.1.2',
                'torchvision': '0.16.2',
                'mmengine': '0.10.7',
                'mmcv': '2.1.0',
                'mmdet': '3.3.0',
                'mmpretrain': '1.2.0',
            },
        ),
    ],
)
def test_locks_pin_the_versions_that_work_together(stack, pins):
    lock = make_env.read_pins(ROOT / 'requirements' / f'{stack}.txt')
    assert {name: lock[name] for name in pins} == pins
    assert {'pytest', 'hypothesis', 'scikit-learn'} <= lock.keys()
    assert 'opencv-python-headless' in lock and 'opencv-python' not in lock


def test_the_default_lock_has_what_checks_the_code():
    lock = make_env.read_pins(ROOT / 'requirements' / 'onedl.txt')
    assert {'pytest-cov', 'ruff', 'mypy', 'codespell', 'filelock'} <= lock.keys()


def test_a_python_that_has_no_wheels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(make_env.sys, 'version_info', (3, 14, 0))
    monkeypatch.setattr(make_env.sys, 'argv', ['make_env', str(tmp_path / 'v')])
    with pytest.raises(SystemExit, match='3.10 to 3.13, this is 3.14'):
        make_env.main()
    assert not (tmp_path / 'v').exists()


def test_an_unknown_stack_names_those_there_are(tmp_path):
    done = run_python(TOOL, tmp_path / 'v', '--stack', 'mine', check=False)
    assert done.returncode == 1
    assert 'OPS=compiled' in done.stdout and 'STACK=openmmlab' in done.stdout


@pytest.mark.parametrize('missing', ['compiler', 'header', 'nvcc'])
def test_missing_build_tools_are_one_sentence(monkeypatch, tmp_path, missing):
    present = {'c++', 'g++'} if missing != 'compiler' else set()
    if missing == 'nvcc':
        present.add('nvidia-smi')
    monkeypatch.setattr(make_env.shutil, 'which', present.__contains__)
    for name in ('CXX', 'CUDA_HOME', 'CUDA_VISIBLE_DEVICES'):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / 'Python.h').touch()
    include = tmp_path / 'none' if missing == 'header' else tmp_path
    monkeypatch.setattr(
        make_env.sysconfig, 'get_paths', lambda: dict(include=str(include))
    )
    remedy = dict(compiler='install g++', header='-dev', nvcc='CUDA toolkit')
    with pytest.raises(SystemExit, match=remedy[missing]) as error:
        make_env.check_compiler()
    assert 'PIP_FIND_LINKS' in str(error.value)
    assert '\n' not in str(error.value)


def test_a_full_disk_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(
        make_env.shutil, 'disk_usage', lambda path: type('', (), dict(free=3e9))
    )
    with pytest.raises(SystemExit, match='3.0 GB free'):
        make_env.check_disk(tmp_path, 9)


def test_half_installed_distributions_are_forgotten(tmp_path):
    subprocess.run(
        [sys.executable, '-m', 'venv', '--without-pip', str(tmp_path)], check=True
    )
    site = make_env.site_packages(tmp_path)
    for name, complete in (('whole-1.0', True), ('half_done-1.0', False)):
        info = site / f'{name}.dist-info'
        info.mkdir()
        (info / 'METADATA').touch()
        if complete:
            (info / 'RECORD').touch()
    make_env.remove_half_installed(tmp_path)
    assert make_env.is_installed(tmp_path, 'whole')
    assert not make_env.is_installed(tmp_path, 'half-done')
    assert not (site / 'half_done-1.0.dist-info').exists()


@pytest.fixture
def commands(monkeypatch):
    """The commands that make_env would run."""
    ran = []
    monkeypatch.setattr(make_env, 'run', lambda command, env=None: ran.append(command))
    return ran


@pytest.mark.parametrize('gpu', [False, True])
@pytest.mark.parametrize('cuda_build', [False, True])
def test_cuda_libraries_come_where_they_are_needed(
    tmp_path, monkeypatch, commands, gpu, cuda_build
):
    lock, cuda = make_env.lock_files('onedl')
    info = make_env.site_packages(tmp_path) / 'torch-2.14.1.dist-info'
    info.mkdir(parents=True)
    asked = 'Requires-Dist: nvidia-cudnn-cu13==9' if cuda_build else ''
    (info / 'METADATA').write_text('Name: torch\n' + asked)
    monkeypatch.setattr(make_env.sys, 'platform', 'linux')
    monkeypatch.setattr(make_env, 'has_gpu', lambda: gpu)
    make_env.install_torch(tmp_path, ['pip'], ['torch==2.14.1'], lock, cuda)
    assert '--no-deps' in commands[0] and commands[0][-1] == 'torch==2.14.1'
    if not cuda_build:
        assert len(commands) == 1
    elif gpu:  # everything that PyTorch asks for, in the same versions
        assert '--no-deps' not in commands[1] and str(cuda) in commands[1]
    else:
        assert commands[1][-2:] == ['--requirement', str(cuda)]
        assert '--no-deps' in commands[1]


def test_an_mmcv_with_operators_for_another_torch_gets_in_nowhere(commands):
    make_env.install_plain_mmcv(['pip', 'install'], 'onedl-mmcv==2.3.6')
    (command,) = commands
    assert {'--no-cache-dir', '--force-reinstall', '--no-binary'} <= set(command)
    assert command[command.index('--no-binary') + 1] == 'onedl-mmcv'


@pytest.mark.parametrize(
    'installed, kept', [('2.14.1', 1), ('2.14.1+cpu', 1), ('2.9.1', 0)]
)
def test_an_environment_of_another_pytorch_is_made_anew(
    tmp_path, monkeypatch, commands, installed, kept
):
    monkeypatch.setattr(make_env, 'interpreter', lambda folder: sys.executable)
    info = make_env.site_packages(tmp_path) / f'torch-{installed}.dist-info'
    info.mkdir(parents=True)
    make_env.make_venv(tmp_path, '2.14.1')
    assert len(commands) == 1 - kept
    assert kept or '--clear' in commands[0]


def test_a_complete_environment_returns_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(make_env, 'build', lambda *args: built.append(args[0]))
    monkeypatch.setattr(make_env.sys, 'argv', ['make_env', str(tmp_path / 'v')])
    built = []
    for calls in (1, 1):
        make_env.main()
        assert len(built) == calls
    # Another recipe builds again.
    monkeypatch.setattr(make_env, 'stamp', lambda stack: 'changed')
    make_env.main()
    assert len(built) == 2
