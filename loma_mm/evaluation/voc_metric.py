from mmdet.evaluation.metrics import VOCMetric, voc_metric


class PerClassVOCMetric(VOCMetric):
    """MMDetection's VOC metric, with the AP of each class in its results.

    ``VOCMetric`` prints these and returns their mean alone. Here they are
    logged too, as ``AP/<class>`` in [0, 1] (so ``pascal_voc/AP/dog`` with the
    default prefix): the mean over ``iou_thrs``, as ``mAP`` is. A class that
    has no box in the ground truth has no AP and counts in no mean.

    The arguments are those of ``mmdet.evaluation.VOCMetric``. It is found by
    its dotted path, so that importing ``loma_mm`` does not import mmdet.

    Example:
        >>> # in a config of MMDetection
        >>> val_evaluator = dict(
        ...     type='loma_mm.evaluation.PerClassVOCMetric', metric='mAP',
        ...     eval_mode='11points')
    """

    def compute_metrics(self, results: list) -> dict:
        """Compute the metrics from processed results.

        Args:
            results (list): The processed results of each batch.

        Returns:
            dict: What ``VOCMetric`` returns, and ``AP/<class>``.
        """
        evaluations: list[list[dict]] = []
        eval_map = voc_metric.eval_map

        def remember(*args, **kwargs):
            mean_ap, per_class = eval_map(*args, **kwargs)
            evaluations.append(per_class)
            return mean_ap, per_class

        # VOCMetric drops the second result of eval_map. This keeps it without
        # matching all the boxes a second time or copying VOCMetric's method.
        voc_metric.eval_map = remember
        try:
            metrics = super().compute_metrics(results)
        finally:
            voc_metric.eval_map = eval_map
        return {**metrics, **self._per_class(evaluations)}

    def _per_class(self, evaluations: list[list[dict]]) -> dict[str, float]:
        """The mean over IoU thresholds for each class that has boxes."""
        return {
            f'AP/{name}': float(sum(part['ap'] for part in parts) / len(parts))
            for name, *parts in zip(self.dataset_meta['classes'], *evaluations)
            if parts and parts[0]['num_gts']
        }
