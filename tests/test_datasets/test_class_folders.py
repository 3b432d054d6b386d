"""Folders of classes, as MMPretrain's datasets read them."""

import pytest

pytest.importorskip('mmpretrain')

from loma_mm.datasets import ClassFolders
from loma_mm.errors import DataError


def make(root, **kwargs):
    return ClassFolders(data_root=str(root), data_prefix='', pipeline=[], **kwargs)


def test_without_labels_every_image_is_a_sample(tmp_path):
    """As for training without supervision."""
    names = {'cat/0.jpg', 'dog/1.png', 'dog/deep/2.jpg', '3.jpg'}
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    data = make(tmp_path, with_label=False)
    paths = {data.get_data_info(i)['img_path'] for i in range(len(data))}
    assert paths == {f'{tmp_path}/{name}' for name in names}
    assert 'gt_label' not in data.get_data_info(0)


def test_folders_without_images_are_an_error(tmp_path):
    (tmp_path / 'cat').mkdir()
    with pytest.raises(DataError, match='There is no image in the folders in'):
        make(tmp_path)
