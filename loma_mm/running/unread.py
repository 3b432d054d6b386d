"""Options that nothing reads are mistakes, and named with what was meant."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODEL_WRAPPERS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TASK_UTILS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    WEIGHT_INITIALIZERS,
)
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    LogProcessor,
    Runner,
    TestLoop,
    ValLoop,
    set_random_seed,
)
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from loma_mm.errors import ConfigError
from loma_mm.names import is_slip, nearest, some

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
    DATA_SAMPLERS,
    HOOKS,
    METRICS,
    EVALUATOR,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    LOOPS,
    LOG_PROCESSORS,
    MODEL_WRAPPERS,
    TASK_UTILS,
    VISUALIZERS,
    VISBACKENDS,
    WEIGHT_INITIALIZERS,
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
    # Of losses, layers, backbones and policies.
    'bg_cls_weight',
    'deformable_groups',
    'fallback_on_stride',
    'magnitude_key',
    'postfix',
    'pretrained',
    'requires_grad',
    'scale_factor',
    'upsample_kernel',
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
    'log_processor': {*inspect.signature(LogProcessor).parameters},
    'optim_wrapper': {
        *OF_BUILDERS,
        *inspect.signature(OptimWrapper).parameters,
        # With --amp.
        *inspect.signature(AmpOptimWrapper).parameters,
    },
    'optim_wrapper.clip_grad': {
        *('type', 'clip_value'),
        *inspect.signature(clip_grad_norm_).parameters,
    },
    'randomness': {*inspect.signature(set_random_seed).parameters, 'diff_rank_seed'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
}
# The same where others may be read, too.
NEARLY = {
    'optim_wrapper.paramwise_cfg': {
        'bias_decay_mult',
        'bias_lr_mult',
        'bypass_duplicate',
        'custom_keys',
        'dcn_offset_lr_mult',
        'dwconv_decay_mult',
        'flat_decay_mult',
        'norm_decay_mult',
    }
}
STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def check_read(
    cfg: Config, options: Mapping[str, Any], turned: Collection[str]
) -> None:
    """Raise a ConfigError for an option that nothing reads.

    It may set what is there, a variable that :func:`turn_knobs` carries, or a new
    key that the Runner, a dataloader, a loop or the type it belongs to takes. In
    dicts of which nobody says what they take, such as those of heads, a new key is
    a mistake only if it is one that is there but for a slip of the hand.

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
            if options.get(f'{place}._delete_'):
                return
            raise ConfigError(
                f'The option {option} is below {place}, which is {node!r} and has no '
                f'keys: add {place}._delete_=true to put some in its place.'
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
    elif kind is not None and (place, kind) != ('optim_wrapper', 'OptimWrapper'):
        known, free = _arguments(kind, scope)
        known |= OF_BUILDERS
    elif place in PLACES:
        known = PLACES[place]
    else:
        known, free = NEARLY.get(place, set()), True
    if part in known:
        return
    keys = list(map(str, {*known, *node}))
    if free:
        # Those that differ in digits, as fc1 and fc2, may all be meant.
        plain = _without_digits(part)
        keys = [key for key in keys if is_slip(plain, _without_digits(key))]
        if not keys:
            return
    near = nearest(part, keys, 0.6)
    # At the top, knobs and variables may have been meant too.
    where = f'in {place}' if place else 'at the top of a config'
    raise ConfigError(
        f'Nothing reads the option {option}: there is no {part} {where}'
        + (f', did you mean {near}?' if near else '.')
    )


def _without_digits(key: str) -> str:
    return ''.join(mark for mark in key if not mark.isdigit())


def _arguments(kind: Any, scope: str) -> tuple[set[str], bool]:
    """The arguments of a type, and whether it may take others."""
    found = _find(kind, scope) if isinstance(kind, str) else [kind]
    names: set[str] = set()
    others = not found
    for one in found:
        more, open_end = _parameters(one)
        names |= more
        others |= open_end
    return names, others


def _parameters(kind: Any) -> tuple[set[str], bool]:
    """The same of a class or function: those of parents, if they are passed on."""
    functions, others = [kind], False
    if inspect.isclass(kind):
        parents = [vars(parent) for parent in kind.__mro__[:-1]]
        functions = [parent['__init__'] for parent in parents if '__init__' in parent]
        others = kind.__new__ is not object.__new__
    names: set[str] = set()
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return names, True
        names |= {one.name for one in parameters if one.kind not in STARRED} - {'self'}
        rest = [one.name for one in parameters if one.kind is one.VAR_KEYWORD]
        reads, passes_on = _uses(rest[0], function) if rest else (False, False)
        others |= reads or (bool(rest) and not inspect.isclass(kind))
        if not (reads or passes_on):
            break
    return names, others


def _uses(rest: str, function: Callable) -> tuple[bool, bool]:
    """Whether a constructor may read what ``**rest`` has, and gives it to its parent.

    Some do neither: they take and forget it.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return True, True
    *_, own, _ = ('', *function.__qualname__.split('.'))
    parent = ('super().__init__', f'super({own}, self).__init__')
    uses = passed = 0
    for node in ast.walk(tree):
        uses += isinstance(node, ast.Name) and node.id == rest
        if isinstance(node, ast.Call) and ast.unparse(node.func) in parent:
            words = [word.value for word in node.keywords if word.arg is None]
            passed += rest in map(ast.unparse, words)
    return uses > passed, passed > 0


def _find(kind: str, scope: str) -> list[Any]:
    """What has a name, which may be in several registries."""
    found = []
    for registry in REGISTRIES:
        try:
            with imports_aside(), registry.switch_scope_and_registry(scope) as here:
                found.append(here.get(kind))
        except ImportError:
            # Without the toolbox the checks before the start say so.
            continue
    return [one for one in dict.fromkeys(found) if one is not None]


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
