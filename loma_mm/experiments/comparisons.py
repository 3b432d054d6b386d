"""What the study compares, on which data and with which settings."""

from typing import NamedTuple

BASELINE = 'baseline'
ALL, SOME = (0, 1, 2, 3, 4), (0, 1, 2)


class Method(NamedTuple):
    """One method of a comparison.

    Args:
        label (str): What tables and plots call it.
        config (str): Name of its shipped config.
        seeds (tuple[int, ...]): Of its runs.
        options (tuple[str, ...]): What it has beside its config.
    """

    label: str
    config: str
    seeds: tuple[int, ...]
    options: tuple[str, ...] = ()


class Comparison(NamedTuple):
    """Methods that are compared with the first of them.

    Args:
        title (str): Of its plot.
        data (str): 'cifar10' or 'bccd'.
        metric (str): What is compared.
        methods (dict[str, Method]): By the name of their runs.
        epochs (int): How long a run trains.
        options (tuple[str, ...]): What all methods have in common, beside
            their configs.
        images (str): Of CIFAR-10, the 'first' 500 of each class or 'all'.
    """

    title: str
    data: str
    metric: str
    methods: dict[str, Method]
    epochs: int
    options: tuple[str, ...] = ()
    images: str = 'first'


def _resnet20(label: str, method: str, seeds: tuple = ALL, *options: str) -> Method:
    config = f'resnet_cifar/resnet20_1xb128{method}_image-folder.py'
    return Method(label, config, seeds, options)


def _faster_rcnn(label: str, method: str, seeds: tuple = SOME) -> Method:
    config = f'faster_rcnn/faster-rcnn_r18_fpn_{method}scratch-8e_custom-voc.py'
    return Method(label, config, seeds)


COMPARISONS = {
    'cifar10': Comparison(
        'ResNet-20 on 5,000 images of CIFAR-10',
        'cifar10',
        'accuracy/top1',
        {
            BASELINE: _resnet20('Baseline', ''),
            'cutout': _resnet20('Cutout', '-cutout'),
            'random-erasing': _resnet20('Random Erasing', '-random-erasing'),
            'loma': _resnet20('LOMA', '-loma'),
            'loma-if': _resnet20('LOMA_IF', '-loma-if'),
            'loma-if-fo': _resnet20('LOMA_IF&FO', '-loma-if-fo'),
        },
        epochs=60,
    ),
    'cifar10-long': Comparison(
        'ResNet-20 on 5,000 images of CIFAR-10, 300 epochs',
        'cifar10',
        'accuracy/top1',
        {
            BASELINE: _resnet20('Baseline', ''),
            'loma': _resnet20('LOMA', '-loma'),
            'loma-if': _resnet20('LOMA_IF', '-loma-if', SOME),
            'loma-if-fo': _resnet20('LOMA_IF&FO', '-loma-if-fo', SOME),
        },
        epochs=300,
        # The paper's schedule for CIFAR.
        options=('param_scheduler.1.milestones=[100,200,265]',),
    ),
    'cifar10-full': Comparison(
        'ResNet-20 on CIFAR-10, 300 epochs',
        'cifar10',
        'accuracy/top1',
        {
            BASELINE: _resnet20('Baseline', ''),
            'loma': _resnet20('LOMA', '-loma'),
        },
        epochs=300,
        options=('param_scheduler.1.milestones=[100,200,265]',),
        images='all',
    ),
    'cifar10-rescale': Comparison(
        'FO with and without rescaling, 5,000 images of CIFAR-10',
        'cifar10',
        'accuracy/top1',
        {
            'none': _resnet20('LOMA_IF&FO', '-loma-if-fo', SOME),
            'nonzero': _resnet20(
                "LOMA_IF&FO, rescale='nonzero'",
                '-loma-if-fo',
                SOME,
                'model.backbone.augments.1.rescale=nonzero',
            ),
        },
        epochs=60,
        # Both in one precision, whatever the machine.
        options=('optim_wrapper.dtype=float32',),
    ),
    'bccd': Comparison(
        'Faster R-CNN, R-18, on BCCD',
        'bccd',
        'pascal_voc/mAP',
        {
            BASELINE: _faster_rcnn('Baseline', ''),
            'loma-rhombus': _faster_rcnn('LOMA (rhombus)', 'loma-rhombus-'),
            'loma-ellipse': _faster_rcnn('LOMA (ellipse)', 'loma-ellipse-'),
        },
        epochs=8,
    ),
    # All its runs are its own: what another machine trained has the same seeds
    # and other roundings, and is not paired with them.
    'bccd-labels': Comparison(
        'Labels that stay and labels that follow, Faster R-CNN on BCCD',
        'bccd',
        'pascal_voc/mAP',
        {
            BASELINE: _faster_rcnn('Baseline', '', ALL),
            'keep': _faster_rcnn("LOMA, labels='keep'", 'loma-rhombus-', ALL),
            'warp': _faster_rcnn("LOMA, labels='warp'", 'loma-rhombus-warp-', ALL),
        },
        epochs=8,
    ),
}
