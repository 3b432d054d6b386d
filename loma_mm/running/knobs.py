"""Top-level variables of a config that say once what several places need.

MMEngine changes a top-level variable alone when an option names it: the
places of the config that were computed from it keep the old value. Here is
which places these are.
"""

import os.path as osp
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.fileio import list_from_file

from loma_mm.errors import ConfigError

from .datasets import SPLITS, dataloaders, dataset_configs


class Knob(NamedTuple):
    """What a variable sets, wherever a key still has the variable's old value.

    Args:
        keys (Sequence[str]): The keys below the dataloaders.
        splits (Sequence[str]): Of which dataloaders.
    """

    keys: Sequence[str]
    splits: Sequence[str] = SPLITS


KNOBS = {
    'data_root': Knob(['data_root']),
    # VOC layout, and COCO's data_prefix.
    'img_dir': Knob(['img_subdir', 'img']),
    'ann_dir': Knob(['ann_subdir']),
    'train_list': Knob(['ann_file'], ['train']),
    'test_list': Knob(['ann_file'], ['val', 'test']),
    'image_scale': Knob(['scale']),
    'image_size': Knob(['scale', 'crop_size']),
}
# Variables with a type that are places themselves.
NO_STEPS = ('_cfg', '_dataloader', '_evaluator', 'optim_wrapper', 'visualizer')
# Where heads say how many classes they tell apart.
HEADS = ('head', 'roi_head.bbox_head', 'bbox_head')


def turn_knobs(cfg: Config, options: dict) -> set[str]:
    """Carry new values of the variables to the places that had the old ones.

    Also what follows from them: the number of ``classes`` is the
    ``num_classes`` of the heads; the schedules of the learning rate end with
    ``max_epochs``. These two and ``data_root`` are knobs of every config, also of
    one that has no variable of that name. A variable that is a dict with a type,
    such as ``loma``, reaches the transforms and modules of that type key by key:
    ``loma.prob=0.8``.

    Args:
        cfg (Config): Changed in place, but for the variables themselves.
        options (dict): Dotted keys and new values. Changed in place:
            ``classes`` becomes a tuple of strings, and ``max_epochs`` joins
            ``train_cfg.max_epochs``.

    Returns:
        set[str]: Keys of the options that changed something.

    Raises:
        ConfigError: If a value is none for its knob.
    """
    turned = set()
    for name, knob in KNOBS.items():
        old = cfg.get(name)
        if name == 'data_root' and old is None:
            roots = {part.get('data_root') for _, part in _datasets(cfg)}
            old = roots.pop() if len(roots) == 1 else None
        if old is None or name not in options:
            continue
        if isinstance(old, tuple) and isinstance(options[name], list):
            options[name] = tuple(options[name])
        count = 0
        for split in knob.splits:
            # COCO's metric has the path of the annotations, too.
            for place in (f'{split}_dataloader', f'{split}_evaluator'):
                if name == 'data_root':
                    count += _replace_root(cfg.get(place), old, str(options[name]))
                for key in knob.keys:
                    count += _replace(cfg.get(place), key, old, options[name])
        if count:
            turned.add(name)
    turned |= _turn_classes(cfg, options)
    turned |= _turn_epochs(cfg, options)
    for option, value in options.items():
        name, _, key = option.partition('.')
        node = cfg.get(name)
        if not key or '.' in key or not isinstance(node, dict) or 'type' not in node:
            continue
        if name != 'model' and not name.endswith(NO_STEPS):
            for place in ('model', *(f'{split}_dataloader' for split in SPLITS)):
                if _set_in_type(cfg.get(place), node['type'], key, value):
                    turned.add(option)
    return turned


def _datasets(cfg: Config) -> Iterator[tuple[str, dict]]:
    for split, loader in dataloaders(cfg).items():
        yield from dataset_configs(loader['dataset'], f'{split}_dataloader.dataset')


def head_outputs(model: dict) -> tuple[str, int] | None:
    """The key of a model's number of classes, and that number."""
    for key in HEADS:
        head: Any = model
        for part in key.split('.'):
            head = head.get(part) if isinstance(head, dict) else None
        outputs = head.get('num_classes') if isinstance(head, dict) else None
        if isinstance(outputs, int):
            return f'{key}.num_classes', outputs
    return None


def _turn_classes(cfg: Config, options: dict) -> set[str]:
    """Let all datasets have these classes, and the heads as many."""
    if 'classes' not in options:
        return set()
    new = options['classes']
    if isinstance(new, (list, tuple)) and len(new) == 1:
        (new,) = new
    if isinstance(new, str) and osp.isfile(new):
        # As MMPretrain takes them: a file with a name a line.
        new = [line.strip() for line in list_from_file(new) if line.strip()]
    # A single class arrives as a bare word.
    names = tuple(map(str, new if isinstance(new, (list, tuple)) else [new]))
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if not names or '' in names or twice:
        raise ConfigError(
            'classes must be names that differ, and '
            + (f'{twice[0]!r} is there twice' if twice else 'one is empty')
            + ': give them as classes="[cat,traffic light]".'
        )
    options['classes'] = names
    for _, part in _datasets(cfg):
        if isinstance(part.get('classes'), (list, tuple)):
            # MMPretrain's older way to say it.
            del part['classes']
        part['metainfo'] = dict(part.get('metainfo') or {}, classes=names)
    head = head_outputs(cfg.model)
    # A classifier may have outputs to spare, as the folders' shipped configs have,
    # and its checkpoints do not fit a smaller head.
    spare = cfg.get('default_scope') == 'mmpretrain' and 'classes' not in cfg
    if head is not None and not (spare and head[1] >= len(names)):
        for name in ('model', 'data_preprocessor'):
            _replace(cfg.get(name), 'num_classes', head[1], len(names))
    return {'classes'}


def name_classes(cfg: Config) -> None:
    """Make text of class names that a config gives as numbers or as one word."""
    for _, part in _datasets(cfg):
        for place in (part, part.get('metainfo') or {}):
            names = place.get('classes')
            if isinstance(names, (list, tuple)):
                place['classes'] = tuple(map(str, names))
            elif isinstance(names, str) and not osp.isfile(names):
                place['classes'] = (names,)


def _turn_epochs(cfg: Config, options: dict) -> set[str]:
    """Let the training and its schedules end with another ``max_epochs``."""
    given = [key for key in ('train_cfg.max_epochs', 'max_epochs') if key in options]
    train_cfg: Any = cfg.get('train_cfg') or {}
    old = train_cfg.get('max_epochs', cfg.get('max_epochs'))
    if not given or not isinstance(old, int):
        return set()
    new = options[given[0]]
    if not isinstance(new, int) or isinstance(new, bool) or new < 1:
        raise ConfigError(f'{given[0]} must be a whole number from 1 on, got {new}.')
    if 'max_epochs' in cfg:
        options['max_epochs'] = new
    train_cfg['max_epochs'] = new
    if (train_cfg.get('val_interval') or 0) in (old, *range(new + 1, old)):
        train_cfg['val_interval'] = new
    schedules = cfg.get('param_scheduler') or []
    for part in schedules if isinstance(schedules, (list, tuple)) else [schedules]:
        if not part.get('by_epoch', True):
            continue
        begin = part.get('begin', 0)
        _replace(part, 'T_max', old - begin, new - begin)
        if 'end' in part:
            part['end'] = new if part['end'] == old else min(part['end'], new)
        if 'milestones' in part:
            part['milestones'] = sorted(
                {max(1, round(epoch * new / old)) for epoch in part['milestones']}
            )
    return set(given)


def _set_in_type(node: Any, type_name: str, key: str, value: Any) -> int:
    """Set ``key`` in whatever below ``node`` is of that type; how often."""
    count = 0
    if isinstance(node, dict):
        if node.get('type') == type_name:
            node[key] = value
            count = 1
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        count += sum(_set_in_type(part, type_name, key, value) for part in node)
    return count


def _replace(node: Any, key: str, old: Any, new: Any) -> int:
    """Set ``key`` to ``new`` wherever below ``node`` it equals ``old``; how often.

    A pair of equal numbers, the sides of a square, equals one number.
    """
    count = 0
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and _same(value, old):
                node[name] = new
                count += 1
            elif name == key and _same(value, (old, old)):
                node[name] = (new, new)
                count += 1
            else:
                count += _replace(value, key, old, new)
    elif isinstance(node, (list, tuple)):
        count += sum(_replace(value, key, old, new) for value in node)
    return count


def _replace_root(node: Any, old: str, new: str) -> int:
    """Let paths below ``node`` that begin with a folder begin with another."""
    if not isinstance(node, (dict, list)) or not old:
        return 0
    count = 0
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, str) and value.startswith(osp.join(old, '')):
            rest = value[len(osp.join(old, '')) :]
            # As it is written, where it is the folder itself.
            node[key] = osp.join(new, rest) if rest else new
            count += 1
        else:
            count += _replace_root(value, old, new)
    return count


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return a == b
