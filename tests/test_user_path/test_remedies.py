"""Whoever does what a message says to do, is rid of it."""

import json
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks

from loma_mm import LocalMagnification
from loma_mm.errors import RunError
from loma_mm.running.work_dir import locked

from .faults import (
    CONFIGS,
    DETECTOR,
    absent,
    annotation,
    coco,
    cut,
    edit,
    every_xml,
    lines,
    make,
    xml,
)

CLASSIFIER = CONFIGS['folders']
BEGINS = 'the work begins'


class Case(NamedTuple):
    """A message and its remedy.

    Args:
        kind (str): Of the dataset.
        fault (Callable): Breaks it, given its folder.
        says (str): The remedy in the message.
        mend (Callable): Follows it: given the folder, the words of the command and
            what was said, gives new words or changes files.
        words (str): The command; ROOT is the folder, C the config.
    """

    kind: str
    fault: Callable[[Path], object]
    says: str
    mend: Callable[[Path, list[str], str], list[str] | None]
    words: str = 'train C --work-dir ROOT/work'


def nothing(root: Path) -> None:
    """The data is right."""


def add(*more: str):
    """Add words, options last."""
    return lambda root, words, said: [*words, *named(root, more)]


def named(root: Path, words: Iterable[str]) -> list[str]:
    return [word.replace('ROOT', str(root)) for word in words]


def swap_word(old: str, new: str):
    """Put another word in the place of one."""

    def mend(root: Path, words: list[str], said: str) -> list[str]:
        before, after = named(root, (old, new))
        assert words.count(before) == 1
        return [after if word == before else word for word in words]

    return mend


def add_said(root: Path, words: list[str], said: str) -> list[str]:
    """Add the option that the message gives, as a shell reads it."""
    option = re.search(r'--cfg-options (.*?)(, or | in place of |\.?$)', said, re.M)
    assert option
    return [*words, *shlex.split(option[1])]


def take_line_out(root: Path, words: list[str], said: str) -> None:
    """The line that the message names."""
    path, number = re.search(r'(\S+\.txt):(\d+) ', said).groups()
    found = Path(path).read_text().splitlines()
    del found[int(number) - 1]
    Path(path).write_text('\n'.join(found))


def take_name_out(root: Path, words: list[str], said: str) -> None:
    """The file that the message names, from the list that it names."""
    name = re.search(r'(\w+)\.(xml|jpg)', said) or re.search(r'image (\w) in', said)
    path = Path(re.search(r'(\S+\.txt)', said)[1])
    path.write_text(''.join(line for line in path.open() if line.strip() != name[1]))


def do(change: Callable[[Path], object]):
    """Change files."""

    def mend(root: Path, words: list[str], said: str) -> None:
        change(root)

    return mend


def begin_one(root: Path, words: list[str], said: str) -> list[str]:
    at = words.index('--resume')
    return add_said(root, [*words[:at], *words[at + 2 :]], said)


def two_categories(root: Path) -> None:
    content = coco(('a', 'b', 'c'))
    content['categories'] = [dict(id=2, name='dog'), dict(id=1, name='cat')]
    for split in ('train', 'test'):
        (root / f'{split}.json').write_text(json.dumps(content))


def accented(root: Path) -> None:
    for path in (root / 'Annotations/a.xml', root / 'JPEGImages/a.jpg'):
        path.rename(path.with_stem('bär'))
    (root / 'train.txt').write_bytes('b\nbär\n'.encode('latin-1'))


def accented_json(encoding: str):
    def write(root: Path) -> None:
        text = json.dumps(dict(coco(('a', 'b')), info='bär'), ensure_ascii=False)
        (root / 'train.json').write_bytes(text.encode(encoding))

    return write


def images_away(root: Path) -> None:
    (root / 'JPEGImages').rename(root.parent / 'photos')


def nameless(root: Path) -> None:
    for old, new in (('train', 'x'), ('test', 'y')):
        (root / f'{old}.json').rename(root / f'{new}.json')


def own(text: str, base: str = f'faster_rcnn/{DETECTOR}'):
    """Write a config of one's own."""

    def write(root: Path) -> None:
        (root / 'own.py').write_text(f'_base_ = "loma_mm::{base}.py"\n{text}')

    return write


def save(contents: object, name: str = 'x.pth'):
    return lambda root: torch.save(contents, root / name)


def both(*changes: Callable[[Path], object]):
    return lambda root: [change(root) for change in changes]


STEPS = """
train_pipeline = [step for step in _base_.train_pipeline if step['type'] {} {}]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
"""
WEIGHTS = dict(weight=torch.ones(1))
OUTSIDE = every_xml((5, 5, 40, 40), (90, 10, 120, 40))
TEST = 'test C ROOT/x.pth --work-dir ROOT/work'
OWN = 'train ROOT/own.py --work-dir ROOT/work'
PREPARE = 'prepare ROOT --out ROOT/mine.py'

CASES = {
    'data elsewhere': Case(
        'voc', nothing, 'with --cfg-options', add('data_root=ROOT/'),
        'train C --work-dir ROOT/work data_root=/nowhere/',
    ),
    'folders elsewhere': Case(
        'folders', nothing, 'with --cfg-options data_root=', add('data_root=ROOT'),
        'train C --work-dir ROOT/work data_root=/nowhere',
    ),
    'broken XML': Case('voc', xml(''), 'take its name out of', take_name_out),
    'no XML': Case('voc', lines('a\nzebra\n'), 'mend the list', take_line_out),
    'no image': Case(
        'voc', absent('JPEGImages/a.jpg'), 'take the line out', take_name_out
    ),
    'broken image': Case('voc', cut(), 'take them out of', take_name_out),
    'outside': Case('voc', lines('a\n../../x\n'), 'take the line out', take_line_out),
    'latin-1': Case(
        'voc', accented, 'save the list as UTF-8', do(lines('b\nbär\n'))
    ),
    'no object': Case(
        'voc', every_xml(), 'annotate the images', do(xml(annotation((5, 5, 40, 40))))
    ),
    'other classes': Case(
        'voc', nothing, 'give the names with --cfg-options', add_said,
        'train C --work-dir ROOT/work classes=[cow]',
    ),
    'order of JSON': Case(
        'coco', two_categories, 'give --cfg-options classes="[dog,cat]"', add_said,
        'train C --work-dir ROOT/work classes=[cat,dog]',
    ),
    'one id': Case(
        'coco', edit(lambda c: c['images'][1].update(id=0)), 'give each its own',
        do(edit(lambda c: c['images'][1].update(id=1))),
    ),
    'JSON in latin-1': Case(
        'coco', accented_json('latin-1'), 'save it as UTF-8', do(accented_json('utf-8'))
    ),
    'labels beyond': Case(
        'list', lines('cat/a.jpg 0\ncat/b.jpg 7\n'), 'give --cfg-options', add_said
    ),
    'no label': Case(
        'list', lines('cat/a.jpg 0\ndog/b.jpg\n'), 'or take it out', take_line_out
    ),
    'renamed folder': Case(
        'folders', lambda root: (root / 'test/dog').rename(root / 'test/dogs'),
        'name the folders of a class alike',
        do(lambda root: (root / 'test/dogs').rename(root / 'test/dog')),
    ),
    'a slip': Case(
        'folders', nothing, 'did you mean max_epochs',
        swap_word('max_epoch=9', 'max_epochs=9'),
        'train C --work-dir ROOT/work max_epoch=9',
    ),
    'no keys': Case(
        'voc', own('optim_wrapper = dict(clip_grad=None)\n'),
        'add optim_wrapper.clip_grad._delete_=true',
        add('optim_wrapper.clip_grad._delete_=true'),
        OWN + ' optim_wrapper.clip_grad.max_norm=3',
    ),
    'work dir': Case(
        'folders', lines('', 'work'), 'say another place with --work-dir',
        swap_word('ROOT/work', 'ROOT/other'),
    ),
    'base_batch_size': Case(
        'voc', own('auto_scale_lr = dict(_delete_=True)\n'),
        'auto_scale_lr.base_batch_size=N',
        add('auto_scale_lr.base_batch_size=8'),
        OWN + ' --auto-scale-lr',
    ),
    'weights alone': Case(
        'folders', save(WEIGHTS), 'in place of --resume',
        begin_one,
        'train C --work-dir ROOT/work --resume ROOT/x.pth',
    ),
    'no weights': Case(
        'folders', save([1]), 'save dict(state_dict=model.state_dict())',
        do(save(dict(state_dict=WEIGHTS))), TEST,
    ),
    'a folder': Case(
        'folders', save(WEIGHTS), 'which has x.pth',
        swap_word('ROOT', 'ROOT/x.pth'), 'test C ROOT --work-dir ROOT/work',
    ),
    'no hook': Case(
        'voc', both(save(WEIGHTS), own('default_hooks = dict(_delete_=True)\n')),
        'inherit the default_runtime of the toolbox',
        do(own('_base_ = [_base_, "mmdet::_base_/default_runtime.py"]\n')),
        'test ROOT/own.py ROOT/x.pth --work-dir ROOT/work --show-dir shown',
    ),
    'boxes outside': Case(
        'voc', both(OUTSIDE, own(STEPS.format('!=', '"FilterAnnotations"'))),
        'put dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1), keep_empty=False)',
        do(own(STEPS.format('!=', '""'))), OWN,
    ),
    'written before': Case(
        'voc', lines('', 'mine.py'), 'or --force to write over it', add('--force'),
        PREPARE,
    ),
    'images elsewhere': Case(
        'coco', images_away, 'say where they are with --images',
        add('--images', 'ROOT/../photos'), PREPARE,
    ),
    'images and XML apart': Case(
        'voc', images_away, 'with --images and its XML files with --annotations',
        add('--images', 'ROOT/../photos', '--annotations', 'ROOT/Annotations'), PREPARE,
    ),
    'names that say nothing': Case(
        'coco', nameless, 'give one with --annotations',
        add('--annotations', 'ROOT/x.json'), PREPARE + ' --images ROOT/JPEGImages',
    ),
}  # fmt: skip


@pytest.fixture
def start(monkeypatch):
    """Training and testing end where they would begin."""

    def begin(cfg):
        raise RunError(BEGINS)

    for command in ('train', 'test'):
        monkeypatch.setattr(f'loma_mm.commands.{command}.build_runner', begin)


def typed(case: Case, root: Path, options: list[str]) -> list[str]:
    """The words of a case, with the options of its data."""
    words = named(root, case.words.replace('C ', f'{CONFIGS[case.kind]} ').split())
    own = [word for word in words if '=' in word]
    if words[0] == 'prepare':
        return words
    if any(word.startswith('classes=') for word in own):
        options = [option for option in options if 'classes' not in option]
    return [*words[: len(words) - len(own)], '--cfg-options', *options, *own]


@pytest.mark.parametrize('name', CASES)
def test_the_remedy_helps(call, start, tmp_path, name):
    case = CASES[name]
    root = tmp_path / 'data'
    root.mkdir()
    words = typed(case, root, make(case.kind, root))
    case.fault(root)
    done = call(*words)
    assert case.says in done.err, done.said
    words = case.mend(root, words, done.err) or words
    done = call(*words)
    assert case.says not in done.err
    said = [line for line in done.err.splitlines() if not line.startswith('Note: ')]
    expected = (0, []) if words[0] == 'prepare' else (1, [BEGINS])
    assert (done.code, said) == expected


def test_another_work_dir_is_free(call, start, tmp_path):
    options = ['--cfg-options', *make('folders', tmp_path / 'data')]
    with locked(str(tmp_path / 'work')):
        done = call('train', CLASSIFIER, '--work-dir', tmp_path / 'work', *options)
        assert done.code == 75 and 'give another --work-dir' in done.err
        done = call('train', CLASSIFIER, '--work-dir', tmp_path / 'other', *options)
    assert done.err == f'{BEGINS}\n'


IMG = np.zeros((60, 80, 3), np.uint8)
MASK = np.ones((1, 60, 80), np.uint8)
# A field that stays where it is, what is to be done, and the field after that.
FIELDS = {
    'gt_bboxes': (np.ones((1, 5)), 'Convert it before', np.ones((1, 4))),
    'gt_masks': (MASK, 'Convert it before', BitmapMasks(MASK, 60, 80)),
    'flow': (np.zeros((60, 80, 2)), 'remove it before', None),
    'gt_seg_map': (MASK[0, :30], 'resize both before it', MASK[0]),
}


@pytest.mark.parametrize('key', FIELDS)
def test_labels_that_cannot_follow(key):
    field, says, mended = FIELDS[key]
    warp, keep = (
        LocalMagnification(prob=1, labels=labels) for labels in ('warp', 'keep')
    )
    with pytest.raises((TypeError, ValueError), match=says) as error:
        warp(dict(img=IMG, **{key: field}))
    assert warp(dict(img=IMG, **{key: mended}))['img'].shape == IMG.shape
    if "labels='keep'" in str(error.value):
        assert keep(dict(img=IMG, **{key: field}))[key] is field
