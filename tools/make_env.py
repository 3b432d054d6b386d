"""Build the Python environment of one stack; called by ``make env``.

Needs nothing but CPython's standard library. Every step can be interrupted:
the next call finishes what is missing, and a call with nothing to do returns
at once.
"""

import argparse
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# stack: (oldest, newest) CPython for which its PyTorch has wheels
STACKS = {'onedl': ((3, 10), (3, 12)), 'openmmlab': ((3, 10), (3, 11))}
# The environment takes 7.6 GB (PyTorch with CUDA), pip's cache of the
# downloads some 4 GB more.
DISK_GB = 12
BUILD_TOOLS = ('setuptools', 'wheel', 'ninja', 'psutil', 'packaging')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--stack', default='onedl')
    args = parser.parse_args()
    if args.stack not in STACKS:
        stop(
            'There is no stack {!r}: choose STACK={}.'.format(
                args.stack, ' or STACK='.join(STACKS)
            )
        )
    oldest, newest = STACKS[args.stack]
    if not oldest <= sys.version_info[:2] <= newest:
        stop(
            'The %s stack needs CPython %d.%d to %d.%d, this is %d.%d: '
            'install one of those and name it, as in make env '
            'PYTHON=python3.11.'
            % ((args.stack, *oldest, *newest, *sys.version_info[:2]))
        )
    folder = args.folder.resolve()
    lock_file = ROOT / 'requirements' / (args.stack + '.txt')
    done = folder / 'loma_mm_env_is_complete'
    recipe = stamp(lock_file)
    if done.is_file() and done.read_text() == recipe:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Two calls at once (make demo beside make test) wait for each other.
    with open(str(folder) + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done.is_file() and done.read_text() == recipe):
            build(folder, args.stack, lock_file)
            partial = done.with_suffix('.part')
            partial.write_text(recipe)
            partial.replace(done)
            say(f'The environment is complete: {folder}')


def build(folder, stack, lock_file):
    pins = read_pins(lock_file)
    mmcv = 'onedl-mmcv' if stack == 'onedl' else 'mmcv'
    mmcv_pin = f'{mmcv}=={pins[mmcv]}'
    check_disk(folder)
    make_venv(folder)
    remove_half_installed(folder)
    python = folder / 'bin' / 'python'
    pip = [str(python), '-m', 'pip', '--disable-pip-version-check']
    install = [*pip, 'install', '--no-input']
    wheel_at_hand = is_installed(folder, mmcv) or find_wheel(pip, mmcv_pin)
    if not wheel_at_hand:
        check_compiler()

    def pinned(*names):
        return [f'{name}=={pins[name]}' for name in names]

    say(
        'PyTorch {}: about 1 GB, with CUDA libraries 3 GB more; some minutes, '
        'by your connection.'.format(pins['torch'])
    )
    run([*install, '--constraint', str(lock_file), *pinned('torch', 'torchvision')])
    run([*install, '--quiet', '--no-deps', *pinned(*BUILD_TOOLS)])
    if wheel_at_hand:
        say("mmcv's operators: a compiled wheel is at hand, seconds.")
    else:
        say(
            "Compiling mmcv's operators: some 17 minutes on 2 cores (seconds "
            'where pip has compiled them before). A wheel found through '
            'PIP_FIND_LINKS spares you this.'
        )
    run(
        [*install, '--no-deps', '--no-build-isolation', mmcv_pin],
        env=dict(os.environ, MMCV_WITH_OPS='1'),
    )
    say('The other distributions: about a minute.')
    run([*install, '--quiet', '--no-deps', '--requirement', str(lock_file)])
    run(
        [
            *install,
            '--quiet',
            '--no-deps',
            '--no-build-isolation',
            '--editable',
            str(ROOT),
        ]
    )
    say('Checking that it all imports.')
    run(
        [str(python), '-c', 'import cv2, mmcv.ops, mmdet, mmpretrain, sklearn, loma_mm']
    )


def check_disk(folder):
    if is_installed(folder, 'torch'):
        return
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < DISK_GB:
        stop(
            '%s has %.1f GB free and the environment needs %d GB: free some '
            'space, or put the project on a larger disk.'
            % (folder.parent, free, DISK_GB)
        )


def check_compiler():
    """Stop unless mmcv's C++ operators can be compiled."""
    compiler = shlex.split(os.environ.get('CXX', 'c++'))[0]
    header = Path(sysconfig.get_paths()['include']) / 'Python.h'
    if not (shutil.which(compiler) or shutil.which('g++')):
        stop(
            f"mmcv's operators need a C++ compiler and there is no {compiler}: "
            'install one (Debian, Ubuntu: apt-get install g++), or give a '
            'folder with a compiled mmcv wheel as PIP_FIND_LINKS.'
        )
    if not header.is_file():
        stop(
            "mmcv's operators need Python's C headers and %s is missing: "
            'install them (Debian, Ubuntu: apt-get install python%d.%d-dev), '
            'or give a folder with a compiled mmcv wheel as PIP_FIND_LINKS.'
            % ((header, *sys.version_info[:2]))
        )
    # With a GPU, mmcv compiles its CUDA operators too.
    has_gpu = shutil.which('nvidia-smi') and os.environ.get(
        'CUDA_VISIBLE_DEVICES', 'all'
    ) not in ('', '-1')
    if has_gpu and not (shutil.which('nvcc') or 'CUDA_HOME' in os.environ):
        stop(
            'With a GPU mmcv compiles CUDA operators and there is no nvcc: '
            "install the CUDA toolkit of PyTorch's version, or give a folder "
            'with a compiled mmcv wheel as PIP_FIND_LINKS, or set '
            'CUDA_VISIBLE_DEVICES=-1 for CPU operators alone.'
        )


def make_venv(folder):
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        stop(
            '%s has no ensurepip, which virtual environments need: install '
            'it (Debian, Ubuntu: apt-get install python%d.%d-venv).'
            % ((sys.executable, *sys.version_info[:2]))
        )
    code = 'import pip, sys; print("%d.%d" % sys.version_info[:2])'
    try:
        found = subprocess.run(
            [str(folder / 'bin' / 'python'), '-c', code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ).stdout.strip()
    except OSError:
        found = ''
    if found != '%d.%d' % sys.version_info[:2]:
        say(f'Virtual environment {folder}: seconds.')
        run([sys.executable, '-m', 'venv', '--clear', str(folder)])


def site_packages(folder):
    return Path(
        sysconfig.get_path(
            'purelib', 'posix_prefix', {'base': str(folder), 'platbase': str(folder)}
        )
    )


def remove_half_installed(folder):
    """Forget distributions whose installation was interrupted.

    pip writes RECORD last; without it the distribution is incomplete, yet
    pip would take it for installed.
    """
    for info in site_packages(folder).glob('*.dist-info'):
        if not (info / 'RECORD').is_file():
            shutil.rmtree(str(info))


def is_installed(folder, name):
    pattern = name.replace('-', '_') + '-*.dist-info'
    return any(
        (info / 'RECORD').is_file() for info in site_packages(folder).glob(pattern)
    )


def find_wheel(pip, requirement):
    """Whether PIP_FIND_LINKS or pip's configuration offer a wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        return not subprocess.run(
            [
                *pip,
                'download',
                '--no-index',
                '--no-deps',
                '--only-binary',
                ':all:',
                '--dest',
                scratch,
                requirement,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ).returncode


def read_pins(lock_file):
    lines = (
        line.split('#')[0].split(';')[0].strip()
        for line in lock_file.read_text().splitlines()
    )
    return dict(line.split('==') for line in lines if line)


def stamp(lock_file):
    """What the environment is made from; another value rebuilds it."""
    digest = hashlib.sha256()
    for path in (
        lock_file,
        Path(__file__),
        ROOT / 'setup.cfg',
        ROOT / 'setup.py',
        *ROOT.glob('loma_mm/**/*.[ch]'),
    ):
        digest.update(path.read_bytes())
    return f'{sys.version.split()[0]} {ROOT} {digest.hexdigest()}\n'


def run(command, env=None):
    if subprocess.run(command, env=env).returncode:
        stop(
            'This command failed, see above; when its cause is mended, call '
            'make env again: {}'.format(' '.join(map(shlex.quote, command)))
        )


def say(message):
    print('[make env] ' + message, flush=True)


def stop(message):
    sys.exit('[make env] ' + message)


if __name__ == '__main__':
    main()
