"""Change the code one operator or constant at a time: do the tests notice?

    python tests/mutation.py [--sample N] [--seed N] [FILE ...]

The files are those of ``functional/``, the C too, and ``sampler.py``. A copy of
the tree is changed, never the tree itself. Survivors are printed; those that are
known, and why, are in docs/promises.md.
"""

import argparse
import ast
import glob
import importlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.utils import track_iter_progress

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    *(f'loma_mm/functional/{name}.py' for name in ['region', 'image', 'feature']),
    *(f'loma_mm/functional/{name}.py' for name in ('labels', 'batch')),
    'loma_mm/sampler.py',
    *sorted(glob.glob('loma_mm/functional/csrc/*.[ch]')),
)
# What starts processes of its own is left out.
TESTS = (
    *sorted(glob.glob('tests/test_functional/test_*.py')),
    'tests/test_datasets/test_local_magnification.py',
    'tests/test_models/test_batch_local_magnification.py',
    'tests/test_models/test_feature_augments.py',
)
# Where a change is most likely noticed: in tests with this word in their names,
# if it is not the name of the changed file.
WORDS = {'sampler': 'local_magnification', 'boxes': 'labels', 'module': 'compiled'}
# What takes most of the time of a small run, and imports nothing of ours.
IMPORTED = (
    'hypothesis.strategies',
    'mmengine.runner',
    'mmcv.transforms',
    'torchvision',
)
# A loop that no longer ends is noticed too: seconds of CPU, of which all tests take
# some forty.
MOST_SECONDS = 240

OTHER = {
    ast.Add: '-', ast.Sub: '+', ast.Mult: '/', ast.Div: '*', ast.FloorDiv: '*',
    ast.Pow: '*', ast.Lt: '<=', ast.LtE: '<', ast.Gt: '>=', ast.GtE: '>',
    ast.Eq: '!=', ast.NotEq: '==', ast.BitAnd: '|', ast.BitOr: '&',
    ast.And: 'or', ast.Or: 'and',
}  # fmt: skip
# In C, between blanks; what is not in this list is a pointer or a declaration.
OTHER_IN_C = {
    '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '+': '-',
    '-': '+', '*': '/', '/': '*', '&&': '||', '||': '&&', '+=': '-=',
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: in which file, where, and what it is."""

    file: str
    start: int
    end: int
    new: str

    def __str__(self) -> str:
        source = (ROOT / self.file).read_text()
        line = source.count('\n', 0, self.start) + 1
        old = source[self.start : self.end]
        text = source.splitlines()[line - 1].strip()
        return f'{self.file}:{line}: {old.strip()} -> {self.new.strip()}    {text}'


def python_mutants(file: str) -> Iterator[Mutant]:
    """Operators, comparisons and numbers of a module."""
    source = (ROOT / file).read_text()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line: int, column: int) -> int:
        return starts[line - 1] + column

    for node in ast.walk(ast.parse(source)):
        pairs: list = []
        if isinstance(node, ast.BinOp):
            pairs = [(node.left, node.op, node.right)]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = list(zip(sides, node.ops, sides[1:]))
        elif isinstance(node, ast.BoolOp):
            pairs = [(a, node.op, b) for a, b in zip(node.values, node.values[1:])]
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            start = place(node.lineno, node.col_offset)
            end = place(node.end_lineno, node.end_col_offset)
            yield Mutant(file, start, end, repr(node.value + 1))
        for left, op, right in pairs:
            start = place(left.end_lineno, left.end_col_offset)
            end = place(right.lineno, right.col_offset)
            between = re.sub('#.*', lambda m: ' ' * len(m[0]), source[start:end])
            found = re.search(r'<=|>=|==|!=|\*\*|//|and|or|[-+*/<>&|]', between)
            if found and type(op) in OTHER:
                at = start + found.start()
                yield Mutant(file, at, start + found.end(), OTHER[type(op)])


def c_mutants(file: str) -> Iterator[Mutant]:
    """Operators between blanks and numbers, outside of comments and directives."""
    source = (ROOT / file).read_text()
    code = re.sub(
        r'/\*.*?\*/|"(\\.|[^"\\])*"|^#.*?(?<!\\)$',
        lambda m: re.sub('[^\n]', '#', m[0]),
        source,
        flags=re.S | re.M,
    )
    operators = '|'.join(map(re.escape, sorted(OTHER_IN_C, key=len, reverse=True)))
    for found in re.finditer(rf'(?<= )({operators})(?= )|\b\d+\b', code):
        old = found[0]
        new = OTHER_IN_C.get(old) or str(int(old) + 1)
        yield Mutant(file, found.start(), found.end(), new)


def is_noticed(mutant: Mutant, tree: Path) -> bool:
    """Whether a test fails, or nothing can be built, with this change."""
    path = tree / mutant.file
    source = (ROOT / mutant.file).read_text()
    good = {loop: loop.read_bytes() for loop in compiled(tree)}
    path.write_text(source[: mutant.start] + mutant.new + source[mutant.end :])
    try:
        if path.suffix != '.py' and not build(tree):
            return True
        word = WORDS.get(path.stem, path.stem)
        near = [test for test in TESTS if word in test]
        far = [test for test in TESTS if word not in test]
        return not (passes(tree, near) and passes(tree, far))
    finally:
        path.write_text(source)
        for loop, code in good.items():
            loop.write_bytes(code)


def passes(tree: Path, files: Sequence[str]) -> bool:
    """Whether tests pass in a copy of this process.

    It has what is slow to import, and nothing of ours.
    """
    if not files:
        return True
    tests = multiprocessing.get_context('fork').Process(
        target=run_tests, args=(tree, files)
    )
    tests.start()
    tests.join()
    return tests.exitcode == 0


def run_tests(tree: Path, files: Sequence[str]) -> None:
    """Those of a tree, up to the first that fails."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    # A change of one letter within a second looks like the code that was there.
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    options = ['-n', '0', '-x', '-m', 'not slow', '-p', 'no:cacheprovider']
    sys.exit(pytest.main([*options, '--hypothesis-profile=mutation', *files]))


def compiled(tree: Path) -> list[Path]:
    return list((tree / 'loma_mm/functional').glob('_compiled*'))


def build(tree: Path) -> bool:
    """Compile the loops; whether there are any now."""
    # An extension that is optional fails in silence.
    for old in compiled(tree):
        old.unlink()
    command = [sys.executable, 'setup.py', '-q', 'build_ext', '--inplace', '--force']
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    subprocess.run(command, cwd=tree, check=False, **quiet)
    return bool(compiled(tree))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('files', nargs='*', default=FILES)
    parser.add_argument('--sample', type=int, help='so many of all, at random')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    mutants = [
        mutant
        for file in args.files
        for mutant in (python_mutants if file.endswith('.py') else c_mutants)(file)
    ]
    chosen = mutants
    if args.sample is not None and args.sample < len(mutants):
        chosen = random.Random(args.seed).sample(mutants, args.sample)
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, 'tree')
        shutil.copytree(
            ROOT,
            tree,
            ignore=shutil.ignore_patterns(
                '.git', '.venv*', 'work_dirs', 'data', '*.pyc'
            ),
        )
        if not build(tree):
            sys.exit(
                'The loops cannot be compiled here: their changes cannot be tried.'
            )
        for name in IMPORTED:
            importlib.import_module(name)
        if not passes(tree, TESTS):
            sys.exit('The tests fail without a change: see make test.')
        for mutant in track_iter_progress(chosen, file=sys.stderr):
            if not is_noticed(mutant, tree):
                survivors += 1
                print(f'\nsurvived: {mutant}', flush=True)
    noticed = len(chosen) - survivors
    print(f'{noticed} of {len(chosen)} noticed, of {len(mutants)} that there are')
    return 0


if __name__ == '__main__':
    sys.exit(main())
