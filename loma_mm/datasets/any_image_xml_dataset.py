"""VOC annotations beside images of any suffix."""

import os.path as osp

from mmdet.datasets import XMLDataset

from loma_mm.errors import DataError

from .image_files import find_image


class AnyImageXMLDataset(XMLDataset):
    """MMDetection's XMLDataset, which finds ``.png`` and ``.JPG`` too.

    ``XMLDataset`` takes every image for a ``.jpg``. Here the suffix is that
    of the file which is there, see :func:`loma_mm.datasets.image_files.find_image`;
    with ``backend_args``, where folders cannot be listed, it is ``.jpg``.

    The arguments are those of ``mmdet.datasets.XMLDataset``; ``img_subdir``
    and ``ann_subdir`` may be absolute. It is found by its dotted path, so that
    importing ``loma_mm`` does not import mmdet.

    Raises:
        DataError: If an annotation has no image.

    Example:
        >>> # in a config of MMDetection
        >>> dataset = dict(
        ...     type='loma_mm.datasets.AnyImageXMLDataset', data_root='photos/',
        ...     img_subdir='images', ann_subdir='annotations',
        ...     ann_file='train.txt', data_prefix=dict(sub_data_root=''),
        ...     metainfo=dict(classes=('cat', 'dog')))
    """

    def parse_data_info(self, img_info: dict) -> dict | list[dict]:
        """Parse one annotation, as XMLDataset does, with its image's suffix."""
        if self.backend_args is None:
            folder = osp.join(self.sub_data_root, self.img_subdir)
            path = find_image(folder, img_info['img_id'])
            if path is None:
                raise DataError(
                    f'There is no image {img_info["img_id"]} in {folder}, which '
                    f'{self.ann_file} lists: put it there, or take the line out.'
                )
            img_info = dict(img_info, file_name=osp.abspath(path))
        return super().parse_data_info(img_info)
