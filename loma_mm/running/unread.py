"""Options that nothing reads are mistakes, and named with what was meant."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import (
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
)
from mmengine.runner import EpochBasedTrainLoop, Runner, set_random_seed
from mmengine.runner.loops import IterBasedTrainLoop, TestLoop, ValLoop
from torch.utils.data import DataLoader

from loma_mm.errors import ConfigError
from loma_mm.names import nearest, some

from .console import imports_aside

# What is read of a config besides the arguments of the Runner, by MMEngine, by the
# toolboxes and here.
ALSO_READ = {
    'activation_checkpointing',
    'auto_scale_lr',
    'classes',
    'compile',
    'custom_imports',
    'data_help',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
    'vis_backends',
}
REGISTRIES = (
    MODELS,
    TRANSFORMS,
    DATASETS,
    HOOKS,
    METRICS,
    EVALUATOR,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    LOOPS,
    VISUALIZERS,
    VISBACKENDS,
)
# Read by those that build what a type names, and not by the type.
OF_BUILDERS = {
    'type',
    '_scope_',
    '_delete_',
    'init_cfg',
    'constructor',
    'convert_to_iter_based',
    'optimizer',
    'paramwise_cfg',
    'priority',
    'data_preprocessor',
}
DATALOADER = {
    *inspect.signature(DataLoader).parameters,
    *('dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch'),
}
TRAIN_LOOP = {
    'by_epoch',
    *inspect.signature(EpochBasedTrainLoop).parameters,
    *inspect.signature(IterBasedTrainLoop).parameters,
}
# Dicts without a type, of which it is known what is read.
PLACES = {
    'train_dataloader': DATALOADER,
    'val_dataloader': DATALOADER,
    'test_dataloader': DATALOADER,
    'train_cfg': TRAIN_LOOP,
    'val_cfg': {*inspect.signature(ValLoop).parameters},
    'test_cfg': {*inspect.signature(TestLoop).parameters},
    'randomness': {*inspect.signature(set_random_seed).parameters, 'diff_rank_seed'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
}
# How near a new key of a dict that may have any must be to one that is there, to
# be taken for a mistake.
MISTAKE = 0.86


def check_read(
    cfg: Config, options: Mapping[str, Any], turned: Collection[str]
) -> None:
    """Raise a ConfigError for an option that nothing reads.

    It may set what is there, a variable that :func:`turn_knobs` carries, or a new
    key that the Runner, a dataloader, a loop or the type it belongs to takes. In
    dicts of which nobody says what they take, such as those of heads, a new key is
    a mistake only if it is nearly one that is there.

    Args:
        cfg (Config): As it was before the options.
        options (Mapping[str, Any]): Dotted keys and values.
        turned (Collection[str]): Those that changed other places.
    """
    for option in options:
        if option not in turned or '.' in option:
            _check(cfg, option, option in turned, options)


def _check(cfg: Config, option: str, turned: bool, options: Mapping[str, Any]) -> None:
    node: Any = cfg._cfg_dict
    scope = cfg.get('default_scope', 'mmengine')
    parts = option.split('.')
    for depth, part in enumerate(parts):
        place = '.'.join(parts[:depth])
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise ConfigError(
                    f'The option {option} names no element of {place}, which are '
                    f'counted from 0 to {len(node) - 1}.'
                )
            node = node[int(part)]
            continue
        if not isinstance(node, dict):
            if node is None:
                return
            raise ConfigError(
                f'The option {option} is below {place}, which is {node!r} and has no '
                'keys.'
            )
        is_read = bool(depth) or turned or part in _top() | ALSO_READ
        if not (part in node and is_read):
            # Another option may say of which type it is.
            kind = options.get(f'{place}.type', node.get('type'))
            _check_key(node, kind, place, part, option, scope)
        node = node.get(part, {})


def _top() -> set[str]:
    return set(inspect.signature(Runner).parameters) - {'cfg'}


def _check_key(
    node: dict, kind: Any, place: str, part: str, option: str, scope: str
) -> None:
    """Check a key that is not there, or a variable of which nothing follows."""
    free = False
    if not place:
        known = _top() | ALSO_READ
        if part in node:
            places = list(_equal(node, part, known))
            raise ConfigError(
                f'Nothing reads the option {option}: {part} is a variable of the '
                'config file, which has been used'
                + (f'; set {some(places, 3)}.' if places else '.')
            )
    elif kind is not None and not (arguments := _arguments(kind, scope))[1]:
        known = arguments[0] | OF_BUILDERS
    elif place in PLACES and kind is None:
        known = PLACES[place]
    else:
        known, free = set(), True
    if part in known:
        return
    keys = [key for key in {*known, *node} if _without_digits(key) != part]
    near = nearest(part, keys, MISTAKE if free else 0.6)
    if free and (near is None or _without_digits(near) == _without_digits(part)):
        return
    # At the top, knobs and variables may have been meant too.
    where = f'in {place}' if place else 'at the top of a config'
    raise ConfigError(
        f'Nothing reads the option {option}: there is no {part} {where}'
        + (f', did you mean {near}?' if near else '.')
    )


def _without_digits(key: object) -> str:
    return ''.join(mark for mark in str(key) if not mark.isdigit())


def _arguments(kind: Any, scope: str) -> tuple[set[str], bool]:
    """The arguments of a type, and whether it may take others."""
    if isinstance(kind, str):
        kind = _find(kind, scope)
    if not inspect.isclass(kind):
        return set(), True
    names: set[str] = set()
    for parent in kind.__mro__:
        if '__init__' not in vars(parent):
            continue
        try:
            parameters = inspect.signature(vars(parent)['__init__']).parameters.values()
        except (TypeError, ValueError):
            return names, True
        names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL,)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {'self', 'kwargs'}, False
    # What the last of them does with the rest is not known.
    return names - {'self', 'kwargs'}, True


def _find(kind: str, scope: str) -> Any:
    """The class of a name, in whichever registry."""
    for registry in REGISTRIES:
        try:
            with imports_aside(), registry.switch_scope_and_registry(scope) as here:
                found = here.get(kind)
        except ImportError:
            # Without the toolbox the checks before the start say so.
            continue
        if found is not None:
            return found
    return None


def _equal(cfg: dict, name: str, read: Collection[str]) -> Iterator[str]:
    """Keys of what is read that have the value of a variable."""
    value = cfg[name]
    if value is None or isinstance(value, bool):
        return

    def walk(node: Any, place: str) -> Iterator[str]:
        if node == value:
            yield place
        elif isinstance(node, dict):
            for key, child in node.items():
                yield from walk(child, f'{place}.{key}')
        elif isinstance(node, (list, tuple)):
            for i, child in enumerate(node):
                yield from walk(child, f'{place}.{i}')

    for key in cfg:
        if key in read:
            yield from walk(cfg[key], key)
