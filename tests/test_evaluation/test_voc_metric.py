import subprocess
import sys

import pytest
import torch
from mmdet.evaluation import VOCMetric
from mmdet.evaluation.metrics import voc_metric
from mmengine.registry import METRICS, init_default_scope

CLASSES = ('cat', 'dog', 'cow')


def sample(boxes, labels, found, scores, found_labels):
    return dict(
        gt_instances=dict(bboxes=torch.tensor(boxes), labels=torch.tensor(labels)),
        ignored_instances=dict(bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long()),
        pred_instances=dict(
            bboxes=torch.tensor(found),
            scores=torch.tensor(scores),
            labels=torch.tensor(found_labels),
        ),
    )


# Two cats, of which one is found before a false one; a dog, found a little
# beside its place; no cow.
CAT, DOG = [0.0, 0.0, 20.0, 20.0], [50.0, 50.0, 90.0, 90.0]
SAMPLES = [
    sample([CAT, DOG], [0, 1], [CAT, [50.0, 50.0, 90.0, 80.0]], [0.9, 0.8], [0, 1]),
    sample([CAT], [0], [[60.0, 60.0, 80.0, 80.0], CAT], [0.7, 0.2], [0, 2]),
]


def evaluate(metric_type, samples=SAMPLES, **kwargs):
    init_default_scope('mmdet')
    metric = METRICS.build(dict(type=metric_type, **kwargs))
    metric.dataset_meta = dict(classes=CLASSES)
    metric.process({}, samples)
    return metric.evaluate(size=len(samples))


def of_classes(metrics):
    prefix = 'pascal_voc/AP/'
    return {
        key[len(prefix) :]: value
        for key, value in metrics.items()
        if key.startswith(prefix)
    }


@pytest.mark.parametrize(
    'eval_mode, cat',
    [
        # Precision is 1 up to recall 1/2: at 6 of the 11 points.
        ('11points', 6 / 11),
        ('area', 1 / 2),
    ],
)
def test_classes_beside_what_mmdet_returns(eval_mode, cat):
    ours = evaluate('loma_mm.evaluation.PerClassVOCMetric', eval_mode=eval_mode)
    classes = of_classes(ours)
    assert classes == pytest.approx({'cat': cat, 'dog': 1}, abs=1e-6)
    # The first metric is the one that save_best='auto' takes.
    assert next(iter(ours)) == 'pascal_voc/mAP'
    theirs = evaluate('VOCMetric', eval_mode=eval_mode)
    assert {key: value for key, value in ours.items() if '/AP/' not in key} == theirs
    assert theirs['pascal_voc/mAP'] == pytest.approx((cat + 1) / 2)


def test_iou_thresholds_are_averaged_as_in_map():
    """The dog's box overlaps by about 3/4."""
    metrics = evaluate('loma_mm.evaluation.PerClassVOCMetric', iou_thrs=[0.5, 0.9])
    classes = of_classes(metrics)
    assert classes == pytest.approx({'cat': 6 / 11, 'dog': 1 / 2}, abs=1e-6)
    assert metrics['pascal_voc/mAP'] == pytest.approx(sum(classes.values()) / 2)


def test_boxes_are_matched_once_and_mmdet_is_left_as_it_was(monkeypatch):
    real, calls = voc_metric.eval_map, []

    def count(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(voc_metric, 'eval_map', count)
    evaluate('loma_mm.evaluation.PerClassVOCMetric')
    assert len(calls) == 1 and voc_metric.eval_map is count

    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(voc_metric, 'eval_map', fail)
    with pytest.raises(MemoryError):
        evaluate('loma_mm.evaluation.PerClassVOCMetric')
    assert voc_metric.eval_map is fail


def test_recall_has_no_classes():
    # One image: mmdet's recall fails where images differ in their boxes.
    metrics = evaluate(
        'loma_mm.evaluation.PerClassVOCMetric', SAMPLES[:1], metric='recall'
    )
    assert of_classes(metrics) == {}
    assert metrics == evaluate('VOCMetric', SAMPLES[:1], metric='recall')


def test_importing_the_folder_does_not_import_mmdet():
    done = subprocess.run(
        [
            sys.executable,
            '-c',
            'import sys, loma_mm.evaluation as e; '
            'assert "mmdet" not in sys.modules; e.Nothing',
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert "has no attribute 'Nothing'" in done.stdout.splitlines()[-1]


def test_it_is_a_voc_metric():
    from loma_mm.evaluation import PerClassVOCMetric

    assert issubclass(PerClassVOCMetric, VOCMetric)
