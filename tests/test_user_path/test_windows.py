"""What Windows lacks is not needed: simulated, for want of a Windows."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT

pytest.importorskip('mmpretrain')

# Reserved, whatever their suffix.
DEVICES = re.compile(r'(con|prn|aux|nul|com\d|lpt\d)(\..*)?', re.IGNORECASE)


def refused(name):
    """Whether Windows takes no file of this name."""
    return bool(
        re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', name) or DEVICES.fullmatch(name)
    )


def test_commands_run_without_what_windows_lacks(tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'tests.test_user_path.on_windows', str(tmp_path)],
        cwd=ROOT,
        # And on a terminal of few characters.
        env=dict(os.environ, PYTHONIOENCODING='ascii', PYTHONUTF8='0'),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ' '.join(8 * '0'), done.stdout + done.stderr
    assert r'\xb1' in done.stdout
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob('*')]
    assert {'work/epoch_1.pth', 'table.md', 'picture.png', 'mine.py'} <= {
        path.as_posix() for path in written
    }
    # And where the runs of a sweep would go.
    written += map(Path, re.findall(r'--work-dir (\S+)', done.stdout))
    assert not [path for path in written if any(map(refused, path.parts[1:]))]


def test_names_that_windows_refuses():
    for name in ('a:b', 'a.', 'a ', 'nul.txt', 'COM1', 'a?'):
        assert refused(name), name
    for name in ('a', 'p0.5', '.part-a', 'null.txt', 'é', 'a=b'):
        assert not refused(name), name


def test_hidden_folders_are_left_out_there_too(monkeypatch):
    from loma_mm.datasets.class_folders import ClassFolders

    dataset = ClassFolders(data_root='a', pipeline=[], lazy_init=True)
    monkeypatch.setattr(os, 'sep', '\\')
    assert dataset.is_valid_file(r'cat\more\1.jpg')
    assert not dataset.is_valid_file(r'cat\.thumbnails\1.jpg')


# Files of ours, and who reads and writes text in the encoding of the machine.
FILES = sorted((ROOT / 'loma_mm').rglob('*.py'))
TEXT = ('open', 'fdopen', 'read_text', 'write_text')


def opened(tree):
    """Calls that open text without an encoding, or images by OpenCV's own way."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = called.rsplit('.', 1)[-1]
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        binary = called in ('os.open', 'Image.open') or any(
            isinstance(text, str) and re.fullmatch('[rwax]b', text) for text in texts
        )
        encoded = any(word.arg == 'encoding' for word in node.keywords)
        if name in TEXT and called != 'write_text' and not (binary or encoded):
            yield node
        # They take no path beyond the machine's own alphabet.
        if called in ('cv2.imread', 'cv2.imwrite', 'np.loadtxt', 'np.savetxt'):
            yield node


def test_text_is_utf_8_whatever_the_machine_is_set_to():
    assert len(FILES) > 100
    found = [
        f'{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}'
        for path in FILES
        for node in opened(ast.parse(path.read_text(encoding='utf-8')))
    ]
    assert not found
    # It sees one where there is one.
    for text in ('open(a)', "open(a, 'w')", 'p.read_text()', 'cv2.imread(a)'):
        assert list(opened(ast.parse(text)))
    for text in ("open(a, 'rb')", "p.open(encoding='utf-8')", 'write_text(a, b)'):
        assert not list(opened(ast.parse(text)))
