"""Write configs/README.md: which config is which row of the paper.

The rows and the paper's numbers are in configs/paper_results.csv, and nowhere
else; a config that is not in that file is listed at the end.

    python tools/config_index.py            # write
    python tools/config_index.py --check    # fail if it is out of date
"""
import argparse
import csv
from pathlib import Path
from typing import Dict, List, NamedTuple

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'

# The parts of paper_results.csv in the order of the index: heading, what the
# last column holds, and a note.
PARTS = {
    'Table 1': ('Table 1: CIFAR-10 and CIFAR-100', 'Accuracy (%)',
                'A dash: the paper has no number.'),
    'Table 2':
    ('Table 2: ResNet-50 on ImageNet', 'Error, top-1 / top-5 (%)', ''),
    'Table 3': ('Table 3: the block l of LOMA_F and FO, WRN-28-10 on '
                'CIFAR-100', 'Error (%)', ''),
    'Table 4': ('Table 4: the probability p_f of LOMA_F and FO, WRN-28-10 on '
                'CIFAR-100', 'Error (%)', ''),
    'Table 5':
    ('Table 5: the components, WRN-28-10 on CIFAR-100', 'Accuracy (%)', ''),
    'Table 6': ('Table 6: with and without random crop (RC) and flip (RF), '
                'ResNet-18 on CIFAR-10', 'Accuracy (%)',
                'The paper states no schedule for ResNet-18: these take that '
                'of ResNet-20.'),
    'Table 7': ('Table 7: Faster R-CNN on VOC 2007 test', 'mAP (%)', ''),
    'Figure 6':
    ('Figure 6: p, r_max and a_max, ResNet-20 on CIFAR-10', 'Accuracy (%)',
     'The paper draws curves and prints no numbers: the grid is '
     'ours, around its setting (0.5, 0.7, 3).'),
    'Image folder':
    ('Your own images: ResNet-20 on a folder of images', 'Accuracy (%)',
     'Not in the paper. How to name the folder and the number '
     'of classes: first lines of the baseline.'),
}

HEAD = """\
# Configs

<!-- Written by tools/config_index.py from paper_results.csv: edit those. -->

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
    python tools/train.py $CONFIG --cfg-options model.backbone.prob=0.25 \\
        train_dataloader.dataset.pipeline.2.prob=0.8
"""


class Row(NamedTuple):
    """One line of paper_results.csv."""
    part: str
    row: str
    config: str
    paper: str


def read_rows(configs: Path) -> List[Row]:
    """Read paper_results.csv.

    Raises:
        SystemExit: If a row names an unknown part or a missing config.
    """
    path = configs / 'paper_results.csv'
    with path.open(encoding='utf-8', newline='') as file:
        rows = [Row(**row) for row in csv.DictReader(file)]
    for row in rows:
        if row.part not in PARTS:
            raise SystemExit(f'{path} has a row of {row.part!r}; the parts '
                             f'are {", ".join(PARTS)}.')
        if not (configs / row.config).is_file():
            raise SystemExit(f'{path} names {row.config}, which does not '
                             'exist.')
    return rows


def all_configs(configs: Path) -> List[str]:
    """Every config that can be run, as a path relative to ``configs``."""
    return sorted(
        path.relative_to(configs).as_posix() for path in configs.glob('*/*.py')
        if path.parent.name != '_base_')


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


def table(header: List[str], lines: List[List[str]]) -> str:
    lines = [header, ['---'] * len(header), *lines]
    # A bare * or _ would be read as emphasis.
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def escape(text: str) -> str:
    return text.replace('*', '\\*').replace('_', '\\_')


def make_index(configs: Path) -> str:
    """The text of configs/README.md."""
    rows = read_rows(configs)
    parts: Dict[str, List[Row]] = {part: [] for part in PARTS}
    for row in rows:
        parts[row.part].append(row)
    blocks = [HEAD]
    for part, (heading, metric, note) in PARTS.items():
        header = ['Row', 'Config', f'Paper: {metric[0].lower()}{metric[1:]}']
        lines = [[escape(row.row),
                  link(row.config),
                  escape(row.paper) or '–'] for row in parts[part]]
        if not any(row.paper for row in parts[part]):
            header, lines = header[:2], [line[:2] for line in lines]
        blocks.append(f'## {escape(heading)}\n')
        if note:
            blocks.append(f'{note}\n')
        blocks.append(table(header, lines) + '\n')
    listed = {row.config for row in rows}
    others = [
        config for config in all_configs(configs) if config not in listed
    ]
    if others:
        blocks.append('## Others\n')
        blocks.append(
            table(['Config', 'What it is'],
                  [[link(config),
                    escape(description(configs / config))]
                   for config in others]) + '\n')
    return '\n'.join(blocks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing, fail if configs/README.md is out of date')
    args = parser.parse_args()
    index = make_index(CONFIGS)
    path = CONFIGS / 'README.md'
    if not args.check:
        path.write_text(index, encoding='utf-8')
    elif not path.is_file() or path.read_text(encoding='utf-8') != index:
        raise SystemExit(f'{path} is out of date: run '
                         'python tools/config_index.py.')


if __name__ == '__main__':
    main()
