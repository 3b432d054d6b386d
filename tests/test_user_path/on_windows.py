"""Commands in a process that lacks what Windows lacks.

    python on_windows.py FOLDER

Third-party packages are imported before: how they do without is theirs. The last
line has the exit codes.
"""

import importlib
import os
import pkgutil
import platform
import shutil
import signal
import sys
from pathlib import Path

from tests.helpers import probe_here
from tests.test_user_path.faults import CONFIGS, make

FIRST = (
    *('mmpretrain.models', 'mmpretrain.datasets', 'sklearn.datasets'),
    *('matplotlib.pyplot', 'filelock', 'yapf.yapflib.yapf_api'),
)
MODULES = 'fcntl grp pty pwd resource syslog termios tty'
OF_OS = """
    chown fchmod fchown fork forkpty getegid geteuid getgid getloadavg getpgid
    getpriority getuid killpg lchown mkfifo mknod nice pread sched_getaffinity setsid
    statvfs sysconf uname O_DIRECTORY O_NOFOLLOW O_NONBLOCK
"""
OF_SIGNAL = """
    alarm pause pthread_kill pthread_sigmask setitimer sigwait SIGALRM SIGHUP SIGKILL
    SIGQUIT SIGUSR1 SIGUSR2
"""


def refuse(*args, **kwargs):
    raise OSError(1314, 'A required privilege is not held by the client')


def become_windows():
    for name in FIRST:
        importlib.import_module(name)
    for name in MODULES.split():
        sys.modules[name] = None
    for module, names in ((os, OF_OS), (signal, OF_SIGNAL)):
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    os.symlink = refuse
    # Made of statvfs here.
    shutil.disk_usage = lambda path: shutil._ntuple_diskusage(9**12, 0, 9**12)
    sys.platform = 'win32'
    platform.system = lambda: 'Windows'


def main(folder):
    options = make('folders', folder / 'data')
    for loader in ('train', 'val', 'test'):
        options.append(f'{loader}_dataloader.num_workers=0')
    options += ['model.backbone.depth=8', 'train_cfg.max_epochs=1']
    config, options = CONFIGS['folders'], ['--cfg-options', *options]
    # All of ours, but what runs in a process of its own.
    package = importlib.import_module('loma_mm')
    for module in pkgutil.walk_packages(package.__path__, 'loma_mm.'):
        if module.name != 'loma_mm.doctor.probe':
            importlib.import_module(module.name)
    importlib.import_module('loma_mm.doctor.checks').probe = probe_here()
    run = importlib.import_module('loma_mm.__main__').main
    work = str(folder / 'work')
    codes = [
        run(words)
        for words in (
            ['train', config, '--work-dir', work, *options],
            ['sweep', config, '--commands', 'python', '--p', '0.5', *options],
            ['study', '--help'],
            ['tables', work, '--out', f'{folder}/table.md'],
            ['browse', config, '--out', f'{folder}/picture.png', *options],
            ['prepare', f'{folder}/data', '--out', f'{folder}/mine.py'],
            ['configs'],
            ['doctor'],
        )
    ]
    print(*codes)


if __name__ == '__main__':
    become_windows()
    main(Path(sys.argv[1]))
