"""Write configs/README.md and metafile.yml: which config is which row of the paper.

The rows and the paper's numbers are in configs/paper_results.csv, and nowhere
else; a config that is not in that file is listed at the end.

    python -m loma_mm config-index            # write
    python -m loma_mm config-index --check    # fail if it is out of date
"""

import argparse
from pathlib import Path

from mmengine.fileio import dump

from loma_mm.errors import ConfigError
from loma_mm.experiments.paper import PARTS, Row, read_rows
from loma_mm.experiments.tables import escape, markdown_table
from loma_mm.files import write_text
from loma_mm.running import configs_folder, shipped_configs

HEAD = """\
# Configs

<!-- Written by python -m loma_mm config-index from paper_results.csv: edit those. -->

The last column of each table is **the paper's** number, not a result of this
code. `*`: the paper quotes it from the original publication of that method;
`**`: from the CutMix paper.

A name reads `{network}_{processes}xb{batch size of each}-{method}_{dataset}`
(detectors: `{method}-{schedule}` in the middle, as in MMDetection). With
another number of processes, keep the total batch size or pass
`--auto-scale-lr`.

A config says only what differs from the files it inherits (`_base_`). Here is
how to print the whole of one, and how to change settings of it:

    export CONFIG=configs/resnet_cifar/resnet20_1xb128-loma-if-fo_cifar10.py
    python -c "from mmengine import Config as C; \\
        print(C.fromfile('$CONFIG').pretty_text)"
    python -m loma_mm train $CONFIG --cfg-options model.backbone.prob=0.25 \\
        train_dataloader.dataset.pipeline.2.prob=0.8
"""


def description(path: Path) -> str:
    """The comment a config starts with, up to its first full stop."""
    lines = []
    for line in path.read_text(encoding='utf-8').splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# '))
    return ' '.join(lines).split('. ')[0].rstrip('.:')


def link(config: str) -> str:
    return f'[{Path(config).stem}]({config})'


def make_index(configs: Path) -> str:
    """The text of configs/README.md."""
    rows = read_rows(configs)
    parts: dict[str, list[Row]] = {part: [] for part in PARTS}
    for row in rows:
        parts[row.part].append(row)
    blocks = [HEAD]
    for name, part in PARTS.items():
        unit = f'{part.unit[0].lower()}{part.unit[1:]}'
        header = ['Row', 'Config', f'Paper: {unit}']
        lines = [
            [escape(row.row), link(row.config), escape(row.paper) or '–']
            for row in parts[name]
        ]
        if not any(row.paper for row in parts[name]):
            header, lines = header[:2], [line[:2] for line in lines]
        blocks.append(f'## {escape(part.heading)}\n')
        if part.note:
            blocks.append(f'{part.note}\n')
        blocks.append(markdown_table(header, lines) + '\n')
    listed = {row.config for row in rows}
    others = [config for config in shipped_configs(configs) if config not in listed]
    if others:
        blocks.append('## Others\n')
        blocks.append(
            markdown_table(
                ['Config', 'What it is'],
                [
                    [link(config), escape(description(configs / config))]
                    for config in others
                ],
            )
            + '\n'
        )
    return '\n'.join(blocks)


def make_metafile(configs: Path) -> str:
    """The text of configs/metafile.yml, which mim reads.

    It has no results: the paper's are not this code's.
    """
    collection = 'Local Magnification'
    return dump(
        dict(
            Collections=[
                dict(
                    Name=collection,
                    Paper=dict(
                        Title='Local Magnification for Data and Feature Augmentation'
                    ),
                    README='configs/README.md',
                )
            ],
            Models=[
                {
                    'Name': Path(config).stem,
                    'In Collection': collection,
                    'Config': f'configs/{config}',
                }
                for config in shipped_configs(configs)
            ],
        ),
        file_format='yaml',
        sort_keys=False,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing, fail if one of them is out of date',
    )


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    configs = configs_folder()
    for name, text in (
        ('README.md', make_index(configs)),
        ('metafile.yml', make_metafile(configs)),
    ):
        path = configs / name
        if not args.check:
            write_text(path, text)
        elif not path.is_file() or path.read_text(encoding='utf-8') != text:
            raise ConfigError(
                f'{path} is out of date: run python -m loma_mm config-index.'
            )
