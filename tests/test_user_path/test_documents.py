"""The documents do what they say: their commands and code are run.

Every block of code is, as it is written, and what is a command among the
inline code of a table or a sentence. A block that is not run follows a
comment ``<!-- not run: REASON -->``.

bash reads the commands and does all the quoting, looping and expanding; what
it then starts (python, make, srun) notes its words, which are carried out in
this process, on small data and with the networks made small as in
:func:`shrink`. What needs a cluster goes as far as the command that it prints;
what would train for hours prints its runs, of which the first is done; make
says what it would do.
"""

import ast
import contextlib
import itertools
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope

from tests.alone import alone
from tests.helpers import ROOT

from .shrink import shrink

DOCUMENTS = ('README.md', 'configs/README.md', 'docs/*.md', 'CONTRIBUTING.md')
NOT_RUN = re.compile(r'<!--\s*not run: +\S.{10,}?-->\s*$', re.DOTALL)
CLASSIFIER = 'configs/resnet_cifar/resnet20_1xb128_image-folder.py'
DETECTOR = 'configs/faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
# It would train for hours. (Of the study, all runs are in its CSV file.)
LONG = ('sweep',)
# A new folder for every command that writes one.
NUMBERS = itertools.count()
# What a door is for, by its name.
DOORS = {
    'browse_dataset': 'browse',
    'draw_detections': 'detect',
    'draw_cam': 'draw-cam',
    'draw_loma': 'draw-loma',
    'draw_feature_maps': 'draw-feature-maps',
    'image_folder_list': 'list-images',
    'make_digits': 'make-digits',
    'paper_tables': 'tables',
    'config_index': 'config-index',
}


class Block(NamedTuple):
    """A piece of code of a document."""

    document: str
    line: int
    language: str
    code: str

    def __str__(self):
        return f'{self.document}:{self.line}'


def read_blocks(path: Path, name: str) -> list[Block]:
    """The blocks and inline commands of a document that are to be run."""
    blocks, reason, line = [], False, 0
    for token in MarkdownIt('commonmark').enable('table').parse(path.read_text()):
        line = token.map[0] + 1 if token.map else line
        if token.type in ('fence', 'code_block'):
            language = token.info.strip() or 'bash'
            # A directive of the site, such as its table of contents, is no code.
            if not (reason or language.startswith('{')):
                blocks.append(Block(name, line, language, token.content))
        for child in token.children or ():
            if child.type == 'code_inline' and is_command(child.content):
                blocks.append(Block(name, line, 'bash', child.content))
        if token.nesting == 0:
            reason = token.type == 'html_block' and bool(NOT_RUN.match(token.content))
    return blocks


def is_command(text: str) -> bool:
    if text.startswith('tools/'):
        return ' ' in text
    return text.startswith(('python ', 'make '))


BLOCKS = [
    block
    for pattern in DOCUMENTS
    for path in sorted(ROOT.glob(pattern))
    for block in read_blocks(path, path.relative_to(ROOT).as_posix())
]


def test_the_reader_finds_what_it_should(tmp_path):
    path = tmp_path / 'a.md'
    path.write_text(
        'Say `python a.py b`, not `a.py`.\n\n    make b\n\n'
        '<!-- not run: it takes a month -->\n```bash\nlong\n```\n\n'
        '<!-- not run: -->\n```python\nc = 1\n```\n'
        '```{toctree}\na\n```\n'
    )
    assert [(b.line, b.language, b.code) for b in read_blocks(path, 'a.md')] == [
        (1, 'bash', 'python a.py b'),
        (3, 'bash', 'make b\n'),
        (11, 'python', 'c = 1\n'),
    ]


@pytest.fixture(scope='module')
def place(world, tmp_path_factory):
    """The stand-in clone with what documents speak of: checkpoints."""
    root = world
    trained = {}
    for config in (CLASSIFIER, DETECTOR):
        with alone(), contextlib.chdir(root):
            run_python(['-m', 'loma_mm', 'train', config], root)
        trained[config] = root / 'work_dirs' / Path(config).stem / 'epoch_1.pth'
    for method in ('baseline', 'loma'):
        folder = root / 'work_dirs/study/cifar10' / method / 'seed0'
        folder.mkdir(parents=True)
        shutil.copy(trained[CLASSIFIER], folder / 'epoch_60.pth')
    return root, trained


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    """Programs that note their words; gives what was started so far."""
    notes = tmp_path / 'notes'
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name in ('python', 'make', 'srun', 'pip', 'torchrun'):
        program = programs / name
        program.write_text(
            '#!/bin/sh\n'
            f'printf "%s\\0" {name} "$@" >> {notes}; printf "\\n\\0" >> {notes}\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{programs}:/usr/bin:/bin')
    monkeypatch.delenv('PYTHON', raising=False)

    def read():
        words = notes.read_text().split('\0')[:-1] if notes.exists() else []
        started, command = [], []
        for word in words:
            if word == '\n':
                started.append(command)
                command = []
            else:
                command.append(word)
        return started

    return read


@pytest.mark.parametrize('block', BLOCKS, ids=str)
def test_block(block, user, place, recorder, monkeypatch, capsys):
    root, trained = place
    if block.language == 'python':
        with alone():
            run_code(block.code)
        return
    code = block.code
    if code.startswith('tools/') and code.split()[0].endswith('.py'):
        code = f'python {code}'
    done = subprocess.run(
        ['bash', '-euc', code], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    started = recorder()
    assert started
    for program, *words in started:
        if program == 'make':
            subprocess.run(['/usr/bin/make', '-n', *words], cwd=ROOT, check=True)
            continue
        assert program in ('python', 'srun'), 'mark it as not run'
        if program == 'srun' or 'torch.distributed.run' in words:
            # What each of the processes does, here as the only one.
            start = words.index('loma_mm')
            words = [
                word
                for word in words[start - 1 :]
                if word not in ('--launcher', 'pytorch', '--launcher=slurm')
            ]
        words = fill_in(words, root, trained)
        with alone():
            run_python(words, root)
        if command_of(words)[0] in LONG:
            runs = [
                shlex.split(line)[1:]
                for line in capsys.readouterr().out.splitlines()
                if line.startswith('python -m loma_mm train ')
            ]
            if '--commands' not in words:
                with alone():
                    run_python(runs[0], root, small_wins=True)


def command_of(words: list[str]) -> tuple[str, int]:
    """The command of the package that words start, and where its own begin."""
    if words[:2] == ['-m', 'loma_mm']:
        return words[2], 3
    stem = Path(words[0]).stem
    return DOORS.get(stem, stem), 1


def fill_in(words: list[str], root: Path, trained: dict) -> list[str]:
    """Put something where a document has a placeholder."""
    command, _ = command_of(words)
    config = DETECTOR if command == 'detect' else CLASSIFIER
    values = {
        'CONFIG': config,
        'CHECKPOINT': str(trained[config]),
        'PHOTO': 'data/image_folder/one.jpg',
        'FOLDER': 'data/image_folder/train'
        if command == 'list-images'
        else f'new/{command}{next(NUMBERS)}',
        'LIST': 'new/list.txt',
        'WORD': 'voc07',
        'N': '2',
        'I': '0',
        '/my/images': 'images',
    }
    words = [
        re.sub(r'^(data_root=|)(.*)$', lambda m: m[1] + values.get(m[2], m[2]), word)
        for word in words
        if word != '...'
    ]
    words = [word.replace('data/mine/', 'data/BCCD/') for word in words]
    return [
        'classes=[RBC,WBC]' if word == 'classes=[cat,dog]' else word for word in words
    ]


def run_python(words: list[str], root: Path, small_wins: bool = False) -> None:
    """Carry out what python was given, in this process."""
    if words[0] == '-c':
        exec(compile(words[1], '-c', 'exec'), {'__name__': '__main__'})
        return
    command, first = command_of(words)
    words = with_options(command, words, small_wins)
    saved = sys.argv
    sys.argv = [words[0], *words[first:]] if first == 1 else [words[1], *words[2:]]
    try:
        if first == 1:
            runpy.run_path(str(root / words[0]), run_name='__main__')
        else:
            runpy.run_module('loma_mm', run_name='__main__', alter_sys=False)
    except SystemExit as end:
        assert not end.code, f'{shlex.join(words)} ended with {end.code}'
    finally:
        sys.argv = saved


def with_options(command: str, words: list[str], small_wins: bool) -> list[str]:
    """Add the options that make it small; the document's own win."""
    if command in LONG:
        training = not {'--commands', '--collect', '--report'} & set(words)
        return [*words, '--commands', 'python'] if training else words
    config = next((word for word in words if word.startswith('configs/')), None)
    if config is None or command not in (
        'train',
        'test',
        'browse',
        'detect',
        'occlusion',
        'draw-cam',
    ):
        return words
    options = shrink(config)
    if small_wins:
        return [*words, *options]
    if '--cfg-options' in words:
        # Whatever comes later wins.
        at = words.index('--cfg-options') + 1
        return [*words[:at], *options, *words[at:]]
    return [*words, '--cfg-options', *options]


def run_code(code: str) -> None:
    """Run Python code; what it says of configs is built."""
    names: dict = {'__name__': '__main__'}
    values = []
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Expr):
            values.append(eval(ast.unparse(statement), names))
        else:
            exec(ast.unparse(statement), names)
    for value in values:
        for cfg in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(cfg, dict):
                TRANSFORMS.build(cfg)
    if isinstance(names.get('model'), dict):
        backbone = dict(names['model'].get('backbone') or {})
        backbone.pop('_delete_', None)
        if not backbone:
            return
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            MODELS.build(backbone)


def test_the_versions_that_a_page_installs_are_those_of_the_requirements():
    """Its pip lines are not run; they pin what make env installs."""
    text = (ROOT / 'docs' / 'install.md').read_text()
    pins = set(re.findall(r'([\w.-]+==[\w.]+)', text))
    known = set()
    for path in ROOT.glob('requirements/*.txt'):
        for line in path.read_text().splitlines():
            known.add(line.split(';')[0].split('+')[0].strip())
    assert len(pins) > 4
    assert pins <= known
