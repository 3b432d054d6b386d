"""VOC annotations beside images of any suffix."""

import os.path as osp

from mmdet.datasets import VOCDataset, XMLDataset
from mmengine.fileio import exists, get

from loma_mm.errors import DataError

from .image_check import image_size
from .image_files import SUFFIXES, find_image
from .lists import check_inside, read_lines
from .voc_xml import VOCAnnotation, VOCObject, read_voc_xml


class AnyImageXMLDataset(XMLDataset):
    """MMDetection's XMLDataset, which reads data as people have it.

    ``XMLDataset`` takes every image for a ``.jpg``. Here the suffix is that
    of the file which is there, see :func:`loma_mm.datasets.image_files.find_image`;
    with ``backend_args``, where folders cannot be listed, it is ``.jpg``. Lists
    may have blank lines, names with suffixes, names that come again (the first
    counts), any ends of lines and a byte order mark; what an annotation may
    have is said at :func:`loma_mm.datasets.voc_xml.read_voc_xml`.

    The arguments are those of ``mmdet.datasets.XMLDataset``; ``img_subdir``
    and ``ann_subdir`` may be absolute. It is found by its dotted path, so that
    importing ``loma_mm`` does not import mmdet.

    Raises:
        DataError: If an annotation cannot be read or has no image, or the list
            leads out of the dataset.

    Example:
        >>> # in a config of MMDetection
        >>> dataset = dict(
        ...     type='loma_mm.datasets.AnyImageXMLDataset', data_root='photos/',
        ...     img_subdir='images', ann_subdir='annotations',
        ...     ann_file='train.txt', data_prefix=dict(sub_data_root=''),
        ...     metainfo=dict(classes=('cat', 'dog')))
    """

    # For checks before the data is loaded, which all want them.
    _annotations: dict[str, VOCAnnotation] | None = None

    def load_data_list(self) -> list:
        """Read the list and the annotation of each name in it."""
        self.cat2label = {name: i for i, name in enumerate(self._metainfo['classes'])}
        data_list = [
            self.parse_data_info(dict(img_id=name, xml_path=path))
            for _, name, path in self.listed()
        ]
        self._annotations = None
        return data_list

    def annotation(self, path: str) -> VOCAnnotation:
        """What an XML file says; each is read once until all data is loaded.

        Raises:
            AnnotationError: If it cannot be read.
        """
        if self._annotations is None:
            self._annotations = {}
        if path not in self._annotations:
            data = None
            if self.backend_args is not None:
                data = get(path, backend_args=self.backend_args)
            self._annotations[path] = read_voc_xml(path, data)
        return self._annotations[path]

    def listed(self) -> list[tuple[int, str, str]]:
        """Number of the line, name and path of the XML of what the list names.

        Raises:
            DataError: If the list cannot be read or leads out of the folders.
        """
        folder = osp.join(self.sub_data_root or '', self.ann_subdir)
        found: dict[str, tuple[int, str, str]] = {}
        for number, line in read_lines(self.ann_file, self.backend_args):
            name, path = line, osp.join(folder, f'{line}.xml')
            where = f'{self.ann_file}:{number}'
            if self.backend_args is None:
                check_inside(path, folder, where)
            stem, suffix = osp.splitext(line)
            if suffix.lower() in (*SUFFIXES, '.xml') and not exists(
                path, backend_args=self.backend_args
            ):
                name, path = stem, osp.join(folder, f'{stem}.xml')
            found.setdefault(name, (number, name, path))
        return list(found.values())

    def find_image(self, name: str) -> str | None:
        """Path of the image of a name, None where there is none."""
        folder = osp.join(self.sub_data_root or '', self.img_subdir)
        if self.backend_args is not None:
            return osp.join(folder, f'{name}.jpg')
        return find_image(folder, name)

    def parse_data_info(self, img_info: dict) -> dict:
        """Parse one annotation, with its image's suffix."""
        name, xml_path = img_info['img_id'], img_info['xml_path']
        img_path = self.find_image(name)
        if img_path is None:
            raise DataError(
                f'There is no image {name} in '
                f'{osp.join(self.sub_data_root or "", self.img_subdir)}, which '
                f'{self.ann_file} lists: put it there, or take the line out.'
            )
        annotation = self.annotation(xml_path)
        width, height = annotation.size or self._image_size(img_path)
        known = [one for one in annotation.objects if one.name in self.cat2label]
        return dict(
            img_id=name,
            img_path=img_path,
            xml_path=xml_path,
            width=width,
            height=height,
            instances=[self._instance(one) for one in known],
        )

    def _instance(self, one: VOCObject) -> dict:
        # VOC's first pixel is 1.
        box = [value - 1 for value in one.box]
        smallest = self.bbox_min_size or 0
        small = min(box[2] - box[0], box[3] - box[1]) < smallest
        return dict(
            bbox=box,
            bbox_label=self.cat2label[one.name],
            ignore_flag=int(one.difficult or (bool(smallest) and small)),
        )

    def _image_size(self, path: str) -> tuple[int, int]:
        if self.backend_args is None:
            return image_size(path)
        from mmcv import imfrombytes

        height, width = imfrombytes(get(path, backend_args=self.backend_args)).shape[:2]
        return width, height


class AnyImageVOCDataset(AnyImageXMLDataset, VOCDataset):
    """The same for MMDetection's VOCDataset, with VOC's twenty classes."""
