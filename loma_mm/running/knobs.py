"""Top-level variables of a config that say once what several places need.

MMEngine changes a top-level variable alone when an option names it: the
places of the config that were computed from it keep the old value. Here is
which places these are.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.config import Config

from .datasets import SPLITS


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
    'classes': Knob(['classes']),
    'image_scale': Knob(['scale']),
    'image_size': Knob(['scale', 'crop_size']),
}
# Variables with a type that are places themselves.
NO_STEPS = ('_cfg', '_dataloader', '_evaluator', 'optim_wrapper', 'visualizer')


def turn_knobs(cfg: Config, options: dict) -> None:
    """Carry new values of the variables to the places that had the old ones.

    Also what follows from them: the number of ``classes`` is the
    ``num_classes`` of the heads; the schedules of the learning rate end with
    ``max_epochs``. ``train_cfg.max_epochs`` is ``max_epochs`` where a config
    has that variable. A variable that is a dict with a type, such as ``loma``,
    reaches the transforms and modules of that type key by key:
    ``loma.prob=0.8``.

    Args:
        cfg (Config): Changed in place, but for the variables themselves.
        options (dict): Dotted keys and new values. Changed in place:
            ``classes`` becomes a tuple of strings, and ``max_epochs`` joins
            ``train_cfg.max_epochs``.
    """
    for name, knob in KNOBS.items():
        old = cfg.get(name)
        if old is None or name not in options:
            continue
        if name == 'classes':
            # A single class arrives from the command line as a bare word.
            new = options[name]
            options[name] = tuple(
                map(str, [new] if isinstance(new, (str, int, float)) else new)
            )
            _replace(cfg.model, 'num_classes', len(old), len(options[name]))
        for split in knob.splits:
            # COCO's metric has the path of the annotations, too.
            for place in (f'{split}_dataloader', f'{split}_evaluator'):
                for key in knob.keys:
                    _replace(cfg.get(place), key, old, options[name])
    _turn_epochs(cfg, options)
    for option, value in options.items():
        name, _, key = option.partition('.')
        node = cfg.get(name)
        if not key or '.' in key or not isinstance(node, dict) or 'type' not in node:
            continue
        if name != 'model' and not name.endswith(NO_STEPS):
            for place in ('model', *(f'{split}_dataloader' for split in SPLITS)):
                _set_in_type(cfg.get(place), node['type'], key, value)


def _turn_epochs(cfg: Config, options: dict) -> None:
    """Let the training and its schedules end with another ``max_epochs``."""
    old = cfg.get('max_epochs')
    new = options.get('train_cfg.max_epochs', options.get('max_epochs'))
    if not isinstance(old, int) or not isinstance(new, int) or new < 1:
        return
    options['max_epochs'] = new
    _replace(cfg.train_cfg, 'max_epochs', old, new)
    if (cfg.train_cfg.get('val_interval') or 0) in (old, *range(new + 1, old)):
        cfg.train_cfg.val_interval = new
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


def _set_in_type(node: Any, type_name: str, key: str, value: Any) -> None:
    """Set ``key`` in whatever below ``node`` is of that type."""
    if isinstance(node, dict):
        if node.get('type') == type_name:
            node[key] = value
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for part in node:
            _set_in_type(part, type_name, key, value)


def _replace(node: Any, key: str, old: Any, new: Any) -> None:
    """Set ``key`` to ``new`` wherever below ``node`` it equals ``old``.

    A pair of equal numbers, the sides of a square, equals one number.
    """
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and _same(value, old):
                node[name] = new
            elif name == key and _same(value, (old, old)):
                node[name] = (new, new)
            else:
                _replace(value, key, old, new)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _replace(value, key, old, new)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return a == b
