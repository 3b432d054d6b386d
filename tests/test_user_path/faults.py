"""Small datasets, and how people and programs break them."""

import codecs
import json
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 80, 60
OBJECT = (
    '<object>\n<name>{name}</name>\n<difficult>0</difficult>\n<bndbox>\n'
    '<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>\n'
    '</bndbox>\n</object>\n'
)
DETECTOR = 'faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc'
CONFIGS = {
    'voc': DETECTOR,
    'coco': 'mask-rcnn_r50_fpn_loma-warp-1x_coco',
    'list': 'resnet20_1xb128-loma_image-folder',
    'folders': 'resnet20_1xb128-loma_image-folder',
}
TRAIN, TEST = ('a', 'b', 'c'), ('d',)


def write_image(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)


def annotation(*boxes: tuple, name: str = 'cat') -> str:
    objects = ''.join(OBJECT.format(*box, name=name) for box in boxes)
    return (
        f'<annotation>\n<size>\n<width>{WIDTH}</width>\n<height>{HEIGHT}</height>\n'
        f'</size>\n{objects}</annotation>\n'
    )


def make(kind: str, root: Path) -> list[str]:
    """Write a dataset without a fault.

    Args:
        kind (str): 'voc', 'coco', 'list' or 'folders'.
        root (Path): Where it goes.

    Returns:
        list[str]: For ``--cfg-options``.
    """
    if kind in ('list', 'folders'):
        for i, name in enumerate(TRAIN):
            write_image(root / f'train/cat/{name}.jpg', i)
            write_image(root / f'train/dog/{name}.jpg', 9 - i)
        for name in TEST:
            write_image(root / f'test/cat/{name}.jpg', 5)
            write_image(root / f'test/dog/{name}.jpg', 6)
        options = [f'data_root={root}', 'model.head.num_classes=2']
        if kind == 'list':
            names = [
                f'{c}/{n}.jpg {i}' for i, c in enumerate(('cat', 'dog')) for n in TRAIN
            ]
            (root / 'train.txt').write_text('\n'.join(names) + '\n')
            options.append('train_dataloader.dataset.ann_file=train.txt')
        return options
    for i, name in enumerate(TRAIN + TEST):
        write_image(root / f'JPEGImages/{name}.jpg', i)
    if kind == 'voc':
        (root / 'Annotations').mkdir()
        for name in TRAIN + TEST:
            path = root / f'Annotations/{name}.xml'
            path.write_text(annotation((5, 5, 40, 40), (10, 12, 60, 50)))
        (root / 'train.txt').write_text('\n'.join(TRAIN) + '\n')
        (root / 'test.txt').write_text('\n'.join(TEST) + '\n')
        return [
            f'data_root={root}/',
            'train_list=train.txt',
            'test_list=test.txt',
            'classes=[cat]',
        ]
    for split, names in (('train', TRAIN), ('test', TEST)):
        (root / f'{split}.json').write_text(json.dumps(coco(names)))
    return [
        f'data_root={root}/',
        *(
            option
            for split in ('train', 'val', 'test')
            for option in (
                f'{split}_dataloader.dataset.ann_file='
                f'{"train" if split == "train" else "test"}.json',
                f'{split}_dataloader.dataset.data_prefix.img=JPEGImages',
            )
        ),
        'classes=[cat]',
        *(
            f'{split}_dataloader.dataset.metainfo.classes=cat,'
            for split in ('train', 'val', 'test')
        ),
        'model.roi_head.bbox_head.num_classes=1',
        'model.roi_head.mask_head.num_classes=1',
    ]


def coco(names: tuple) -> dict:
    outline = [5, 5, 40, 5, 40, 40, 5, 40]
    return dict(
        images=[
            dict(id=i, file_name=f'{name}.jpg', width=WIDTH, height=HEIGHT)
            for i, name in enumerate(names)
        ],
        annotations=[
            dict(
                id=i,
                image_id=i,
                category_id=1,
                bbox=[5, 5, 35, 35],
                area=1225,
                iscrowd=0,
                segmentation=[outline],
            )
            for i, _ in enumerate(names)
        ],
        categories=[dict(id=1, name='cat')],
    )


def xml(text: str | bytes):
    """Write another a.xml."""

    def break_it(root: Path) -> None:
        data = text if isinstance(text, bytes) else text.encode()
        (root / 'Annotations/a.xml').write_bytes(data)

    return break_it


def swap(old: str, new: str, file: str = 'Annotations/a.xml', count: int = 1):
    """Replace words in a file."""

    def break_it(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, count))

    return break_it


def lines(data: str | bytes, file: str = 'train.txt'):
    """Write another list."""

    def break_it(root: Path) -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        (root / file).write_bytes(raw)

    return break_it


def edit(change):
    """Change what is in train.json."""

    def break_it(root: Path) -> None:
        content = json.loads((root / 'train.json').read_text())
        change(content)
        (root / 'train.json').write_text(json.dumps(content))

    return break_it


def image(data: bytes | None, file: str = 'JPEGImages/a.jpg'):
    """Write other bytes for an image; None makes it a folder."""

    def break_it(root: Path) -> None:
        (root / file).unlink()
        if data is None:
            (root / file).mkdir()
        else:
            (root / file).write_bytes(data)

    return break_it


def cut(file: str = 'JPEGImages/a.jpg'):
    """Leave the first half of a file."""

    def break_it(root: Path) -> None:
        data = (root / file).read_bytes()
        (root / file).write_bytes(data[: len(data) // 2])

    return break_it


def absent(file: str):
    def break_it(root: Path) -> None:
        (root / file).unlink()

    return break_it


def every_xml(*boxes: tuple):
    def break_it(root: Path) -> None:
        for name in TRAIN:
            (root / f'Annotations/{name}.xml').write_text(annotation(*boxes))

    return break_it


def turned(root: Path) -> None:
    """Photographs that EXIF turns upright, annotated as they lie."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    for name in TRAIN:
        path = root / f'JPEGImages/{name}.jpg'
        with Image.open(path) as img:
            img.save(path, exif=exif)
        (root / f'Annotations/{name}.xml').write_text(
            annotation((5, 5, 40, 40), (62, 10, 78, 50))
        )


def shrunk(root: Path) -> None:
    """Images scaled to a half after they were annotated."""
    for name in TRAIN:
        path = str(root / f'JPEGImages/{name}.jpg')
        cv2.imwrite(path, cv2.resize(cv2.imread(path), (WIDTH // 2, HEIGHT // 2)))
        (root / f'Annotations/{name}.xml').write_text(
            annotation((5, 5, 40, 40), (50, 10, 70, 25))
        )


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [\n<!ENTITY l0 "lol">\n'
    + ''.join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">\n' for i in range(1, 10))
    + ']>\n<annotation><object><name>&l9;</name></object></annotation>'
)
OUTSIDE = (
    '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
    '<annotation><object><name>&x;</name></object></annotation>'
)
GOOD = annotation((5, 5, 40, 40))
TEXT = b'this is no image\n' * 9

# Of each kind of dataset: the words of the table in docs/faults.md, and what makes it.
FAULTS = {
    'voc': {
        'an XML file is empty': xml(''),
        'XML in latin-1 without saying so': xml(
            GOOD.replace('<size>', '<folder>Müll</folder><size>').encode('latin-1')
        ),
        'a bare `&`': swap('<size>', '<folder>a & b</folder><size>'),
        'XML that was cut off': cut('Annotations/a.xml'),
        'XML of something else': xml('<html></html>'),
        'an object without `bndbox`': swap('bndbox', 'box', count=2),
        'an object without `name`': swap('<name>cat</name>', ''),
        'a coordinate that is no number': swap('<xmin>5<', '<xmin>five<'),
        'a coordinate that is NaN': swap('<ymax>40<', '<ymax>NaN<'),
        'a coordinate that is not there': swap('<ymax>40</ymax>', ''),
        'no object anywhere': every_xml(),
        'XML with a bomb of entities': xml(BOMB),
        'XML with an external entity': xml(OUTSIDE),
        'a list that leads out of the dataset': lines('a\n../../x\n'),
        'a list with an absolute path': lines('a\n/etc/hostname\n'),
        'a list in latin-1': lines('a\nbär\n'.encode('latin-1')),
        'an empty list': lines('\n'),
        'a list of names without XML': lines('a\nzebra\n'),
        'an annotation without an image': absent('JPEGImages/a.jpg'),
        'an image of zero bytes': image(b''),
        'a JPEG that was cut off': cut(),
        'a text file named `.jpg`': image(TEXT),
        'a folder named `x.jpg`': image(None),
        'boxes outside the image': every_xml((5, 5, 40, 40), (90, 10, 120, 40)),
        'boxes of one pixel': every_xml((5, 5, 40, 40), (50, 10, 50, 40)),
        'nothing but boxes outside': every_xml((90, 10, 120, 40)),
        'photographs turned by EXIF, annotated as they lie': turned,
        'images shrunk after they were annotated': shrunk,
    },
    'coco': {
        'JSON that was cut off': cut('train.json'),
        'JSON without `categories`': edit(lambda c: c.pop('categories')),
        'an image without `file_name`': edit(lambda c: c['images'][1].pop('file_name')),
        'an annotation without `bbox`': edit(lambda c: c['annotations'][1].pop('bbox')),
        'a box that has NaN': edit(
            lambda c: c['annotations'][1].update(bbox=[float('nan'), 1, 9, 9])
        ),
        'an annotation of an unknown image': edit(
            lambda c: c['annotations'][1].update(image_id=77)
        ),
        'an annotation of an unknown category': edit(
            lambda c: c['annotations'][1].update(category_id=77)
        ),
        'two images of one id': edit(lambda c: c['images'][1].update(id=0)),
        'two categories of one name': edit(
            lambda c: c['categories'].append(dict(id=2, name='cat'))
        ),
        'categories that are not the classes': edit(
            lambda c: (
                c['categories'].insert(0, dict(id=2, name='cow'))
                or c['categories'][1].update(name='bull')
            )
        ),
        'a `file_name` that leads out of the dataset': edit(
            lambda c: c['images'][1].update(file_name='../../x.jpg')
        ),
        'a JSON image that is not there': absent('JPEGImages/b.jpg'),
        'a JSON image of zero bytes': image(b'', 'JPEGImages/b.jpg'),
    },
    'list': {
        'a line without a label': lines('cat/a.jpg 0\ndog/b.jpg\n'),
        'a label beyond the head': lines('cat/a.jpg 0\ncat/b.jpg 7\n'),
        'a listed image that is not there': lines('cat/a.jpg 0\ndog/zebra.jpg 1\n'),
        'a list of images that leads out': lines('cat/a.jpg 0\n../../x.jpg 1\n'),
        'a list of images in UTF-16 without a mark': lines(
            'cat/a.jpg 0\n'.encode('utf-16-le')
        ),
    },
    'folders': {
        'a classifier image of zero bytes': image(b'', 'train/cat/a.jpg'),
        'a classifier image that was cut off': cut('train/cat/a.jpg'),
        'a classifier image that is text': image(TEXT, 'test/dog/d.jpg'),
    },
}
# What has one meaning alone is read, by each kind of dataset.
READ = {
    'voc': {
        '`<width>80.0`': swap('<width>80<', '<width>80.0<'),
        'no number in `<width>`': swap('<width>80<', '<width>wide<'),
        '`<difficult>Unspecified`': swap('<difficult>0<', '<difficult>Unspecified<'),
        'blanks around a name': swap('<name>cat<', '<name>\n cat <'),
        'XML in UTF-16': xml(
            f'<?xml version="1.0" encoding="utf-16"?>{GOOD}'.encode('utf-16')
        ),
        'XML with a byte order mark': xml(codecs.BOM_UTF8 + GOOD.encode()),
        'a list with CRLF': lines('a\r\nb\r\nc\r\n'),
        'a list with CR, as of old Macs': lines('a\rb\rc\r'),
        'a list with a byte order mark': lines('a\nb\nc\n'.encode('utf-8-sig')),
        'a list in UTF-16': lines('a\nb\nc\n'.encode('utf-16')),
        'a list with blanks and blank lines': lines('\na \n\n  b\t\nc\n\n'),
        'a list of names with suffixes': lines('a.jpg\nb.xml\nc.JPG\n'),
        'a list that names one twice': lines('a\nb\na\nc\n'),
        'PNG in JPEGImages': lambda root: _as_png(root / 'JPEGImages/a.jpg'),
        '`.JPG` in JPEGImages': lambda root: (root / 'JPEGImages/a.jpg').rename(
            root / 'JPEGImages/a.JPG'
        ),
    },
    'list': {
        'a list of images with CRLF, blank lines and a mark': lines(
            'cat/a.jpg 0\r\n\r\ndog/b.jpg   1 \r\n'.encode('utf-8-sig')
        ),
        'a list of images in UTF-16': lines(
            'cat/a.jpg 0\ndog/b.jpg 1\n'.encode('utf-16')
        ),
    },
}


def _as_png(path: Path) -> None:
    cv2.imwrite(str(path.with_suffix('.png')), cv2.imread(str(path)))
    path.unlink()
