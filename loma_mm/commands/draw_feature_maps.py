"""Draw FeatureMap Offset and LOMA_F on feature maps, as Figure 4 does.

    python -m loma_mm draw-feature-maps --out figure4.png
    python -m loma_mm draw-feature-maps --out figure4.png --config CONFIG \
        [--checkpoint CHECKPOINT] [--index I] [--after layer2]

A row for each channel: the map, the map moved by each offset (zeros enter;
the arrow is (T_x, T_y), the dotted frame where the map has gone), and LOMA_F
around one centre. The offsets go as in Figure 4 to the lower left, right and
upper right, or are given by --offset, or drawn as FO draws them with --seed.

With a config, the maps are those after a stage of its backbone, in evaluation
mode, for a sample of its test set; the weights are random without a
checkpoint. Of all channels those are shown that vary most. Without a config,
the colour channels of a photograph, averaged to cells, stand in for maps.
"""

import argparse
from collections.abc import Sequence

import mmcv
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from sklearn.datasets import load_sample_image
from torch import Tensor

from loma_mm import FeatureMapOffset, RandomFeatureAugment
from loma_mm.checks import SHAPES
from loma_mm.datasets.image_check import read_image
from loma_mm.errors import ConfigError, UsageError
from loma_mm.functional import MagnificationRegion, magnify_feature, offset_feature
from loma_mm.running import require_checkpoint
from loma_mm.running.config import building
from loma_mm.running.weights import load_weights
from loma_mm.visualization import (
    outline,
    outline_legend,
    save_figure,
)

from .arguments import (
    add_cfg_options,
    add_trust,
    existing_file,
    open_samples,
    picture_path,
    positive,
)
from .region_arguments import add_region_arguments, choose_region

# Fractions of the longer side; as far as the paper's gamma = 0.25 allows.
OFFSETS = ((-0.2, 0.2), (0.25, 0.0), (0.2, -0.2))
# Cells along the longer side of the stand-in for feature maps.
CELLS = 48


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        '--out', required=True, type=picture_path, help='picture to write'
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--config', help='config of mmdet or mmpretrain')
    source.add_argument(
        '--image',
        type=existing_file,
        help="a photograph (default: scikit-learn's flower.jpg)",
    )
    parser.add_argument('--checkpoint', help='weights for --config')
    add_trust(parser)
    parser.add_argument('--index', type=int, default=0, help='sample of the test set')
    parser.add_argument(
        '--after',
        default='layer2',
        help='stage of the backbone, by its name there (default: layer2)',
    )
    parser.add_argument('--channels', type=positive, default=3, help='how many to draw')
    parser.add_argument(
        '--offset',
        type=float,
        nargs=2,
        action='append',
        metavar=('T_X', 'T_Y'),
        help='fractions of the longer side, to the right and down; may be '
        'given several times (with --seed the default is three draws)',
    )
    parser.add_argument('--shape', choices=SHAPES, default=SHAPES[0], help='of LOMA_F')
    add_region_arguments(parser)
    add_cfg_options(parser)


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a UsageError if the arguments contradict each other."""
    if args.checkpoint is not None and args.config is None:
        raise UsageError('--checkpoint needs the --config of its network')
    try:
        choose_region(args)
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_photograph(path: str | None) -> tuple[np.ndarray, Tensor]:
    """An RGB image and its channels as maps, (3, H, W), values in [0, 1]."""
    img = load_sample_image('flower.jpg') if path is None else read_image(path)
    cells = mmcv.imrescale(img, (CELLS, CELLS), interpolation='area')
    return img, torch.from_numpy(cells).permute(2, 0, 1) / 255


def load_network(cfg: Config, checkpoint: str | None) -> BaseModel:
    """The model of a config in evaluation mode, as the Runner builds it."""
    preprocessor = cfg.get('data_preprocessor')
    if preprocessor is not None:
        cfg.model.setdefault('data_preprocessor', preprocessor)
    torch.manual_seed(0)
    with building(f'model of the config {cfg.filename}'):
        model = MODELS.build(cfg.model)
    if checkpoint is not None:
        load_weights(model, checkpoint, cfg)
    return model.eval()


def maps_of(model: BaseModel, packed: dict, after: str) -> Tensor:
    """The maps after a stage of the backbone for one sample, (C, H, W)."""
    try:
        stage = model.backbone.get_submodule(after)
    except AttributeError:
        names = [
            name
            for name, child in model.backbone.named_children()
            if not isinstance(child, RandomFeatureAugment)
        ]
        raise ConfigError(
            f'--after must name a stage of the backbone, one of '
            f'{", ".join(names)}, got {after}.'
        ) from None
    outputs = []
    stage.register_forward_hook(lambda module, args, output: outputs.append(output))
    with torch.no_grad():
        data = model.data_preprocessor(pseudo_collate([packed]), False)
        model.backbone(data['inputs'])
    if not (outputs and isinstance(outputs[0], Tensor) and outputs[0].ndim == 4):
        raise ConfigError(
            f'The output of {after} is not a tensor of feature '
            'maps (B, C, H, W): name another stage by --after.'
        )
    return outputs[0][0].float()


def load_maps(args: argparse.Namespace) -> tuple[np.ndarray, Tensor, list[str]]:
    """The RGB image, N maps of shape (N, H, W) and their names."""
    if args.config is None:
        img, maps = load_photograph(args.image)
        names = ['red', 'green', 'blue'][: args.channels]
        return img, maps[: args.channels], names
    if args.checkpoint is not None:
        require_checkpoint(args.checkpoint)
    cfg, samples = open_samples(args.config, args.cfg_options, 'test')
    _, sample = samples[args.index]
    packed = dict(inputs=sample.inputs, data_samples=sample.data_sample)
    maps = maps_of(load_network(cfg, args.checkpoint), packed, args.after)
    # Padding often makes for the highest values, at the borders.
    margin = min(maps.shape[-2:]) // 8
    inner = maps[:, margin : maps.shape[1] - margin, margin : maps.shape[2] - margin]
    spread = inner.flatten(1).std(1)
    chosen = spread.argsort(descending=True)[: args.channels]
    return sample.image, maps[chosen], [f'channel {i}' for i in chosen]


def draw_offset(ax: Axes, offset: tuple[float, float], height: int, width: int) -> None:
    """Draw the arrow (T_x, T_y) and a frame where the map has gone."""
    center = (width - 1) / 2, (height - 1) / 2
    tip = center[0] + offset[0], center[1] + offset[1]
    ax.annotate(
        '',
        tip,
        center,
        arrowprops=dict(
            width=2, headwidth=9, headlength=8, edgecolor='black', facecolor='white'
        ),
    )
    ax.add_patch(
        Rectangle(
            (offset[0] - 0.5, offset[1] - 0.5),
            width,
            height,
            fill=False,
            edgecolor='white',
            linestyle=':',
        )
    )


def draw(
    img: np.ndarray,
    maps: Tensor,
    names: list[str],
    offsets: Sequence[tuple[float, float]],
    region: MagnificationRegion,
) -> Figure:
    """One row for each map: itself, moved, magnified."""
    height, width = maps.shape[-2:]
    side = max(height, width)
    moved = [(side * x, side * y) for x, y in offsets]
    columns = {'feature maps': maps}
    for tx, ty in moved:
        columns[f'FO, $T_x$ = {tx:+.1f},\n$T_y$ = {ty:+.1f} cells'] = offset_feature(
            maps, tx, ty
        )
    columns[f'LOMA_F, {region.shape}'] = magnify_feature(maps, region)
    count = len(columns)
    figure = Figure(
        figsize=(14, 14 / (count + 1) * height / width * len(maps) + 1.9),
        # It forgets the labels of colour bars at the edge.
        layout=ConstrainedLayoutEngine(rect=(0, 0, 0.985, 1)),
    )
    grid = figure.add_gridspec(len(maps), count + 1)
    ax = figure.add_subplot(grid[:, 0])
    ax.imshow(img)
    ax.set_title('input')
    ax.set_axis_off()
    for i, name in enumerate(names):
        row = [figure.add_subplot(grid[i, j + 1]) for j in range(count)]
        low, high = float(maps[i].min()), float(maps[i].max())
        for j, (ax, (title, shown)) in enumerate(zip(row, columns.items())):
            # Zeros enter, so 0 must have a colour too.
            picture = ax.imshow(shown[i].numpy(), vmin=min(low, 0), vmax=max(high, 0))
            ax.set(xticks=(), yticks=(), title='' if i else title)
            if 0 < j <= len(moved):
                draw_offset(ax, moved[j - 1], height, width)
        outline(row[-1], region, height, width)
        row[0].set_ylabel(name)
        figure.colorbar(picture, ax=row, label='value', pad=0.01)
    row[0].set_xlabel(f'{width} × {height} cells')
    figure.legend(handles=outline_legend(), loc='outside lower center', ncols=3)
    return figure


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    check_arguments(args)
    img, maps, names = load_maps(args)
    offsets = args.offset or OFFSETS
    if args.seed is not None:
        np.random.seed(args.seed)
        torch.manual_seed(args.seed)
        fo = FeatureMapOffset()
        offsets = args.offset or [fo.draw() for _ in OFFSETS]
    region = choose_region(args)._replace(shape=args.shape)
    figure = draw(img, maps, names, offsets, region.at(*maps.shape[-2:]))
    save_figure(figure, args.out, dpi=100)
    print(args.out)
