"""Write docs/errors.md: every message of the package, from its code.

    python docs/make_errors.py [--check]

A message is the text of a ``raise``, of a warning or of a finding of the doctor,
with … for what differs from case to case. tests/test_docs/ runs --check.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / 'docs' / 'errors.md'
BEGIN, END = '<!-- begin messages -->', '<!-- end messages -->'
# Kind of error: the heading under which it is listed.
HEADINGS = {
    'UsageError': 'The command line',
    'ArgumentTypeError': 'The command line',
    'ConfigError': 'Configs',
    'DataError': 'Data',
    'LabelError': 'Data',
    'SetupError': 'The installation and the machine',
    'Finding': 'What doctor finds',
    'ResultsError': 'Results of runs',
    'RunError': 'Results of runs',
    'BusyError': 'Results of runs',
    'ValueError': 'Arguments',
    'TypeError': 'Arguments',
    'LomaWarning': 'Notes: the work goes on',
}


def text_of(node: ast.AST) -> str | None:
    """The text that an expression makes, … for what it fills in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = (
            part.value if isinstance(part, ast.Constant) else '…'
            for part in node.values
        )
        return ''.join(map(str, parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left), text_of(node.right)
        return (
            None if left is None and right is None else (left or '…') + (right or '…')
        )
    return None


def messages(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Kind and text of each message in a module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rsplit('.', 1)[-1]
        texts = [text for arg in node.args if (text := text_of(arg))]
        if called == 'warn' and any(
            ast.unparse(arg) == 'LomaWarning' for arg in node.args
        ):
            called = 'LomaWarning'
        if called not in HEADINGS or not texts:
            continue
        if called == 'Finding' and ast.unparse(node.args[0]) == 'FINE':
            continue
        # Of a finding, the second text is what to do.
        yield called, ' — '.join(text.strip() for text in texts)


def read_package() -> dict[str, set[str]]:
    """The messages under each heading."""
    found: dict[str, set[str]] = {heading: set() for heading in HEADINGS.values()}
    for path in sorted((ROOT / 'loma_mm').rglob('*.py')):
        for kind, text in messages(ast.parse(path.read_text(encoding='utf-8'))):
            line = ' '.join(text.split())
            # What the code under test fills in entirely says nothing here.
            if len(line.replace('…', '').split()) > 2:
                found[HEADINGS[kind]].add(line)
    return found


def as_markdown(found: dict[str, set[str]]) -> str:
    """The list, each heading in alphabetical order of first words."""
    lines = []
    for heading, texts in found.items():
        lines += [f'## {heading}', '']
        for text in sorted(texts, key=lambda text: text.lstrip('… ').lower()):
            quoted = text.replace('`', "'")
            lines.append(f'- ``{quoted}``')
        lines.append('')
    return '\n'.join(lines)


def main() -> int:
    """Write the page, or say whether it is current."""
    page = PAGE.read_text(encoding='utf-8')
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    text = f'{before}{BEGIN}\n{as_markdown(read_package())}{END}{after}'
    if '--check' in sys.argv:
        if text != page:
            print('docs/errors.md is old: python docs/make_errors.py writes it.')
        return int(text != page)
    PAGE.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
