"""Draw where classifiers look: class activation maps, Fig 5 of the paper.

    python -m loma_mm draw-cam --out cam.png \\
        --model baseline CONFIG CHECKPOINT --model LOMA CONFIG CHECKPOINT

Each row is an image, each column a model; the map is Grad-CAM's for the class
that the model predicts. Where global pooling and one linear layer follow the
target layer, as in the ResNets, that is CAM itself without its negative part.
"""

import argparse
import importlib.util
import os.path as osp
from collections.abc import Sequence
from typing import NamedTuple

import mmcv
import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.device import get_device
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope
from torch import Tensor

from loma_mm.datasets.image_check import image_size, read_image
from loma_mm.errors import ConfigError, DataError, SetupError, UsageError
from loma_mm.running.config import building
from loma_mm.running.weights import load_weights, trained_classes
from loma_mm.visualization import save_figure

from .arguments import (
    add_cfg_options,
    add_model_argument,
    existing_file,
    picture_path,
    positive,
    read_classifiers,
    seed,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--out', required=True, type=picture_path, help='picture to write'
    )
    add_model_argument(parser)
    parser.add_argument(
        '--images',
        type=existing_file,
        nargs='+',
        default=[],
        help='image files (default: some of the test set of the first model)',
    )
    parser.add_argument(
        '--number', type=positive, default=6, help='images of the test set to draw'
    )
    parser.add_argument(
        '--seed', type=seed, default=0, help='of the choice of test images'
    )
    parser.add_argument(
        '--target-layer',
        help='the layer whose feature map is drawn, such as backbone.layer3 '
        '(default: the one that gives the output of the backbone)',
    )
    add_cfg_options(parser)


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a UsageError if the arguments contradict each other."""
    if len({label for label, _, _ in args.model}) < len(args.model):
        raise UsageError('each --model needs a label of its own')
    if importlib.util.find_spec('pytorch_grad_cam') is None:
        raise SetupError(
            'This command needs grad-cam: pip install --no-deps '
            'grad-cam==1.5.5 ttach==0.0.3.'
        )


class Look(NamedTuple):
    """What a model sees in an image.

    Args:
        image (np.ndarray): Its input, uint8, RGB (H, W, 3) or gray (H, W).
        cam (np.ndarray): The map, shape (H, W), from 0 to 1.
        prediction (str): Class and score.
        truth (str): The true class or, where it is not known, the file.
    """

    image: np.ndarray
    cam: np.ndarray
    prediction: str
    truth: str


def choose_images(
    args: argparse.Namespace, cfg: Config
) -> tuple[list[dict], Sequence[str]]:
    """What the test pipelines start from, one dict an image; class names."""
    if args.images:
        return [dict(img_path=path) for path in args.images], ()
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = np.random.default_rng(args.seed).permutation(len(dataset))
    infos = [dataset.get_data_info(int(i)) for i in chosen[: args.number]]
    return infos, dataset.metainfo.get('classes') or ()


def pack(info: dict, cfg: Config) -> tuple[dict, np.ndarray]:
    """Run the test pipeline; its result, and the RGB image in that."""
    pipeline = cfg.test_dataloader.dataset.pipeline
    loads = any('LoadImageFromFile' in str(step['type']) for step in pipeline)
    if not loads and 'img' not in info:
        # Datasets that hold their images, such as CIFAR10, hold RGB.
        img = read_image(info['img_path'])
        size = img.shape[:2]
        info = dict(info, img=img, img_shape=size, ori_shape=size)
    if loads and 'img_path' not in info:
        raise DataError(
            'The test set of the first model holds its images '
            'in memory and another model reads them from files: '
            'give --images.'
        )
    packed = Compose([TRANSFORMS.build(step) for step in pipeline])(dict(info))
    inputs = packed['inputs'][None].float()
    # From files OpenMMLab loads BGR.
    to_rgb = loads and inputs.size(1) == 3
    return packed, mmcv.tensor2imgs(inputs, to_rgb=to_rgb)[0]


def output_layer(model: BaseModel, inputs: Tensor) -> str:
    """Name of the outermost layer whose output is that of the backbone."""
    outputs = {}
    handles = [
        module.register_forward_hook(
            lambda module, args, output, name=name: outputs.update({name: output})
        )
        for name, module in model.named_modules()
        if name.startswith('backbone.')
    ]
    with torch.no_grad():
        last = model.extract_feat(inputs, stage='backbone')[-1]
    for handle in handles:
        handle.remove()
    found = [name for name, output in outputs.items() if output is last]
    if not found or last.ndim != 4:
        raise ConfigError(
            f'No layer of {type(model.backbone).__name__} gives its output as '
            'a feature map: name another with --target-layer.'
        )
    return min(found, key=lambda name: name.count('.'))


def check_layer(model: BaseModel, name: str) -> None:
    layers = [layer for layer, _ in model.named_modules()]
    if name not in layers:
        known = ', '.join(
            layer
            for layer in layers
            if layer.startswith('backbone.') and layer.count('.') <= 2
        )
        raise ConfigError(
            '--target-layer must name a layer of the model, such '
            f'as {known}; got {name!r}.'
        )


def class_name(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else f'class {label}'


def look(
    cfg: Config,
    checkpoint: str,
    infos: list[dict],
    classes: Sequence[str],
    layer: str | None,
) -> list[Look]:
    """The class activation maps of a model."""
    from mmpretrain.apis import get_model
    from pytorch_grad_cam import GradCAM

    with building(f'model of the config {cfg.filename}'):
        model = get_model(cfg, device=get_device())
    trained = trained_classes(load_weights(model, checkpoint, cfg))
    # Gradients are needed behind frozen stages too.
    model.requires_grad_(True)
    # A training set given as a list of files names no classes.
    classes = trained or classes
    if layer is not None:
        check_layer(model, layer)
    looks = []
    for info in infos:
        packed, img = pack(info, cfg)
        data = model.data_preprocessor(default_collate([packed]))
        layer = layer or output_layer(model, data['inputs'])
        with torch.no_grad():
            found = model(**data, mode='predict')[0]
        label = int(found.pred_label)
        truth = info.get('gt_label')
        cam = GradCAM(model, [model.get_submodule(layer)])(data['inputs'])
        looks.append(
            Look(
                img,
                cam[0],
                f'{class_name(label, classes)} {found.pred_score[label]:.2f}',
                osp.basename(info['img_path'])
                if truth is None
                else f'true class: {class_name(truth, classes)}',
            )
        )
    return looks


def draw(columns: dict[str, list[Look]]) -> Figure:
    """Images in rows; the input, then one map a label."""
    rows = list(zip(*columns.values()))
    figure = Figure(
        figsize=(2 * (1 + len(columns)) + 1, 2.25 * len(rows) + 0.5),
        layout='constrained',
    )
    figure.suptitle('Class activation maps')
    axes = figure.subplots(len(rows), 1 + len(columns), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for row, (panels, looks) in enumerate(zip(axes, rows)):
        head = row == 0
        panels[0].imshow(looks[0].image, cmap='gray')
        panels[0].set_title(head * 'input\n' + looks[0].truth)
        for ax, label, one in zip(panels[1:], columns, looks):
            ax.imshow(one.image, cmap='gray')
            shown = ax.imshow(
                one.cam,
                cmap='inferno',
                alpha=0.6,
                vmin=0,
                vmax=1,
                interpolation='bilinear',
            )
            ax.set_title(head * f'{label}\n' + one.prediction)
    bar = figure.colorbar(
        shown,
        ax=axes,
        shrink=1 / len(rows) ** 0.5,
        ticks=[0, 1],
        label='class activation',
    )
    bar.set_ticklabels(['lowest', 'highest'])
    return figure


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    for path in args.images or ():
        image_size(path)
    models = read_classifiers(args, () if args.images else ('test',))
    init_default_scope('mmpretrain')
    infos, classes = choose_images(args, models[0][1])
    figure = draw(
        {
            label: look(cfg, checkpoint, infos, classes, args.target_layer)
            for label, cfg, checkpoint in models
        }
    )
    save_figure(figure, args.out)
    print(f'{args.out}: {len(infos)} images, {len(models)} models.')
