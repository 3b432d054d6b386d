"""A classifier that tells its test images apart, without training it."""

import torch
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, init_default_scope
from torch import nn


def packed_test_set(model, cfg):
    """All of it as one batch, normalised."""
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return model.data_preprocessor(default_collate(list(dataset)))


def nearest_mean(cfg, checkpoint, path):
    """Fit norms and linear layer of a checkpoint to the test set.

    One epoch leaves a network that gives one answer to all; accuracies that
    differ need one that looks.
    """
    from mmpretrain.apis import get_model

    init_default_scope('mmpretrain')
    model = get_model(cfg, str(checkpoint))
    batch = packed_test_set(model, cfg)
    truth = torch.cat([sample.gt_label for sample in batch['data_samples']])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean
            module.reset_running_stats()
            module.train()
    with torch.no_grad():
        model.extract_feat(batch['inputs'])
        features = model.eval().extract_feat(batch['inputs'])[-1]
        means = torch.stack([features[truth == label].mean(0) for label in range(10)])
        model.head.fc.weight.copy_(means)
        model.head.fc.bias.copy_(-means.square().sum(1) / 2)
    torch.save(dict(state_dict=model.state_dict()), path)
