"""Datasets of the toolboxes give way to ours, which read what people have."""

from mmengine.config import Config

from .datasets import dataloaders, dataset_configs

OURS = {
    ('mmdet', 'XMLDataset'): 'loma_mm.datasets.AnyImageXMLDataset',
    ('mmdet', 'VOCDataset'): 'loma_mm.datasets.AnyImageVOCDataset',
    ('mmpretrain', 'CustomDataset'): 'loma_mm.datasets.ClassFolders',
    ('mmpretrain', 'ImageNet'): 'loma_mm.datasets.ImageNetFolders',
}
# Ours may be given as classes, too.
OURS |= {('loma_mm', path.rpartition('.')[2]): path for path in OURS.values()}


def read_leniently(cfg: Config) -> None:
    """Read lists, XML and images of any suffix, in configs that name others.

    Args:
        cfg (Config): Changed in place. Subclasses of users stay, as do folders
            that are elsewhere than on disk.
    """
    scope = cfg.get('default_scope') or ''
    for loader in dataloaders(cfg).values():
        for _, part in dataset_configs(loader['dataset']):
            ours = OURS.get(_type_name(part.get('type'), scope))
            remote = '://' in (part.get('data_root') or '')
            if ours and (scope == 'mmdet' or part.get('ann_file') or not remote):
                part['type'] = ours


def _type_name(kind: object, scope: str) -> tuple[str, str]:
    """Toolbox and name of a type, which a config may give as a class."""
    if isinstance(kind, type):
        return kind.__module__.split('.')[0], kind.__name__
    package, _, name = str(kind).rpartition('.')
    return package.split('.')[0] or scope, name
