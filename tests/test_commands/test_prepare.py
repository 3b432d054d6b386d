"""Data as people have it, prepared and trained on, as typed."""

import json

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope

from loma_mm.running import build_runner, load_config
from tests.helpers import ROOT

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')

WIDTH, HEIGHT = 64, 48
XML = (
    '<annotation><size><width>{width}</width><height>{height}</height></size>'
    '{objects}</annotation>'
)
OBJECT = (
    '<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>'
    '<ymax>{}</ymax></bndbox></object>'
)
QUICK = (
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
)


def write_image(path, size=(WIDTH, HEIGHT), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    cv2.imwrite(str(path), rng.integers(0, 256, (*size[::-1], 3), np.uint8))


def write_xml(path, *objects, size=(WIDTH, HEIGHT)):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ''.join(OBJECT.format(*one) for one in objects)
    path.write_text(XML.format(width=size[0], height=size[1], objects=text))


@pytest.fixture
def photos(tmp_path):
    """Ten PNG and JPG photographs in folders that VOC does not know."""
    folder = tmp_path / 'my photos'
    for i in range(10):
        write_image(folder / f'images/road {i}.{"png" if i % 2 else "JPG"}', seed=i)
        label = 'traffic light' if i % 2 else 'stop'
        write_xml(folder / f'xml/road {i}.xml', (label, 5, 5, 40, 40))
    return folder


def prepare(call, *words, code=0):
    done = call('prepare', *words)
    assert done.code == code, done.said
    return done.said


def read_list(path):
    return path.read_text().splitlines()


def test_photographs_are_trained_on_without_another_option(call, photos, tmp_path):
    config = tmp_path / 'out/mine.py'
    said = prepare(
        call, photos, '--out', config, '--max-epochs', 1, '--image-size', 64, 48
    )
    assert f'python -m loma_mm train {config}' in said
    assert '10 images with VOC annotations, 64 x 48 to 64 x 48 pixels' in said
    train = read_list(tmp_path / 'out/mine_train.txt')
    test = read_list(tmp_path / 'out/mine_test.txt')
    assert (len(train), len(test)) == (8, 2)
    assert sorted(train + test) == [f'road {i}' for i in range(10)]
    text = config.read_text()
    assert "'stop',\n    'traffic light',\n" in text

    work = tmp_path / 'work'
    done = call('train', config, '--work-dir', work)
    assert done.code == 0, done.said
    assert (work / 'epoch_1.pth').is_file()
    assert 'pascal_voc/AP/traffic light' in done.said
    done = call('test', config, work / 'epoch_1.pth', '--work-dir', work)
    assert done.code == 0, done.said
    assert 'pascal_voc/mAP' in done.said


def test_the_options_reach_a_config_that_was_written(call, photos, tmp_path):
    config = tmp_path / 'mine.py'
    prepare(call, photos, '--out', config, '--no-loma')
    cfg = load_config(str(config), dict(max_epochs=3, image_scale=(32, 24)))
    assert 'LocalMagnification' not in cfg.pretty_text
    assert cfg.model.roi_head.bbox_head.num_classes == 2
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[1].end == 3
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert [s.scale for s in dataset.pipeline if s.type == 'Resize'] == [(32, 24)]
        assert dataset.data_root == f'{photos}/'


def test_the_same_seed_gives_the_same_split(call, photos, tmp_path):
    lists = []
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        prepare(call, photos, '--out', tmp_path / f'{name}.py', '--seed', seed)
        lists.append(read_list(tmp_path / f'{name}_test.txt'))
    assert lists[0] == lists[1] != lists[2]


def test_half_to_test_on(call, photos, tmp_path):
    prepare(call, photos, '--out', tmp_path / 'a.py', '--test-share', 0.5)
    assert len(read_list(tmp_path / 'a_test.txt')) == 5


def test_lists_that_are_there_are_kept(call, digits, tmp_path):
    config = tmp_path / 'digits.py'
    said = prepare(call, digits, '--out', config)
    assert 'are there already' in said
    cfg = load_config(str(config))
    assert cfg.train_list == f'{digits}/ImageSets/Main/train.txt'
    assert cfg.test_dataloader.dataset.ann_file.endswith('ImageSets/Main/test.txt')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['digits.py']


def test_one_image_is_not_split(call, tmp_path):
    data = tmp_path / 'data'
    write_image(data / '0.jpg')
    write_xml(data / '0.xml', ('stop', 5, 5, 40, 40))
    said = prepare(call, data, '--out', tmp_path / 'c.py', code=1)
    assert 'two samples or more to split, and there is 1' in said


def test_images_and_xml_in_one_folder(call, tmp_path):
    for i in range(4):
        write_image(tmp_path / f'd/{i}.jpg')
        write_xml(tmp_path / f'd/{i}.xml', ('a', 1, 1, 20, 20))
    prepare(call, tmp_path / 'd', '--out', tmp_path / 'mine.py')
    init_default_scope('mmdet')
    cfg = load_config(str(tmp_path / 'mine.py'))
    assert len(build(cfg, 'train')) == 3


def build(cfg, split):
    from mmengine.registry import DATASETS

    init_default_scope(cfg.default_scope)
    return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


def test_what_is_wrong_is_said_with_its_file(call, photos, tmp_path):
    (photos / 'xml/road 0.xml').write_text('<annotation>\n<object>\n</annotation>')
    (photos / 'images/road 1.png').unlink()
    write_xml(photos / 'xml/road 2.xml', ('stop', 90, 5, 120, 40), ('stop', 1, 1, 9, 9))
    write_image(photos / 'images/unseen.jpg')
    (photos / 'images/road 3.png').write_text('not a picture')
    write_xml(photos / 'xml/road 4.xml', ('stop', 5, 5, 40, 40), size=(640, 480))
    (photos / 'xml/road 5.xml').write_text(
        '<annotation><object><name>stop</name></object></annotation>'
    )
    write_xml(photos / 'xml/road 6.xml')
    said = prepare(call, photos, '--out', tmp_path / 'mine.py')
    assert f'{photos}/xml/road 0.xml:3: mismatched tag' in said
    assert f'there is no image {photos}/images/road 1.*' in said
    assert f'{photos}/xml/road 2.xml: stop (90, 5, 120, 40) is outside' in said
    assert '1 images have no annotation' in said
    assert f'{photos}/images/road 3.png: is no image that can be opened' in said
    assert 'it says 640 x 480' in said
    assert 'the object stop has no bndbox' in said
    assert '1 annotations have no object' in said
    listed = read_list(tmp_path / 'mine_train.txt') + read_list(
        tmp_path / 'mine_test.txt'
    )
    assert sorted(listed) == [f'road {i}' for i in (2, 4, 6, 7, 8, 9)]


def test_boxes_outside_give_no_loss_that_is_not_a_number(call, photos, tmp_path):
    for i in range(10):
        write_xml(
            photos / f'xml/road {i}.xml',
            ('stop', 5, 5, 40, 40),
            ('stop', 90, 9, 99, 40),
        )
    prepare(call, photos, '--out', tmp_path / 'mine.py')
    dataset = build(load_config(str(tmp_path / 'mine.py')), 'train')
    for i in range(len(dataset)):
        boxes = dataset[i]['data_samples'].gt_instances.bboxes.tensor
        assert len(boxes) == 1
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_boxes_of_an_upright_image_are_within_it(call, tmp_path):
    from PIL import Image

    for i in range(3):
        path = tmp_path / f'd/{i}.jpg'
        path.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new('RGB', (WIDTH, HEIGHT)).save(path, exif=exif)
        write_xml(path.with_suffix('.xml'), ('a', 1, 1, 20, 60), size=(HEIGHT, WIDTH))
    said = prepare(call, tmp_path / 'd', '--out', tmp_path / 'mine.py')
    assert '48 x 64 to 48 x 64' in said and 'Wrong' not in said


def test_a_link_that_leads_back_is_followed_once(call, photos, tmp_path):
    (photos / 'again').symlink_to(photos)
    said = prepare(call, photos, '--out', tmp_path / 'mine.py')
    assert '10 images with VOC annotations' in said


# ------------------------------------------------------------- class folders
@pytest.fixture
def animals(tmp_path):
    folder = tmp_path / 'animals'
    for c, name in enumerate(('cat', 'Dog', 'fish tank')):
        for i in range(5):
            write_image(folder / f'{name}/{i}.jpg', seed=10 * c + i)
    write_image(folder / '.ipynb_checkpoints/x.jpg')
    write_image(folder / '__MACOSX/cat/x.jpg')
    write_image(folder / 'cat/._0.jpg')
    return folder


def test_class_folders_are_trained_on(call, animals, tmp_path):
    config = tmp_path / 'zoo.py'
    said = prepare(call, animals, '--out', config, '--max-epochs', 2)
    assert '15 images in a folder for each class' in said
    assert 'sees 32 x 32 pixels' in said
    test = read_list(tmp_path / 'zoo_test.txt')
    # One of five, of each class.
    assert [line.split('/')[0] for line in test] == ['Dog', 'cat', 'fish tank']
    assert [line.rsplit(' ', 1)[1] for line in test] == ['0', '1', '2']
    assert len(read_list(tmp_path / 'zoo_train.txt')) == 12
    cfg = load_config(str(config))
    assert cfg.model.head.num_classes == 3
    assert cfg.param_scheduler[1].milestones == [1, 1]
    done = call('train', config, '--work-dir', tmp_path / 'w', '--cfg-options', *QUICK)
    assert done.code == 0, done.said
    assert 'accuracy/top1' in done.said


def test_labels_are_those_of_one_list_for_all_splits(call, tmp_path):
    data = tmp_path / 'data'
    for split, names in (('train', ('cat', 'dog', 'fish')), ('test', ('dog', 'fish'))):
        for name in names:
            write_image(data / split / name / '0.jpg')
    said = prepare(call, data, '--out', tmp_path / 'c.py')
    assert 'There is no image to test of cat' in said
    assert read_list(tmp_path / 'c_test.txt') == [
        'test/dog/0.jpg 1',
        'test/fish/0.jpg 2',
    ]


@pytest.mark.parametrize(
    ('train', 'test', 'said'),
    [
        (['cat'], ['cat'], 'train must hold two folders or more'),
        (['cat', 'dog'], [], 'The test set has no image.'),
    ],
)
def test_splits_without_classes_are_an_error(call, tmp_path, train, test, said):
    data = tmp_path / 'data'
    for split, names in (('train', train), ('test', test)):
        (data / split / 'fish').mkdir(parents=True)
        for name in names:
            write_image(data / split / name / '0.jpg')
    assert said in prepare(call, data, '--out', tmp_path / 'c.py', code=1)


def test_splits_that_disagree_are_an_error(call, tmp_path):
    data = tmp_path / 'data'
    for split, names in (('train', ('cat', 'dog')), ('val', ('Cat', 'dog'))):
        for name in names:
            write_image(data / split / name / '0.jpg')
    said = prepare(call, data, '--out', tmp_path / 'c.py', code=1)
    assert f'{data}/val has Cat' in said and f'{data}/train' in said
    assert not (tmp_path / 'c.py').exists()


# ---------------------------------------------------------------------- COCO
@pytest.fixture
def coco(tmp_path):
    folder = tmp_path / 'coco'
    content = dict(images=[], annotations=[])
    content['categories'] = [
        dict(id=7, name='zebra'),
        dict(id=3, name='unused'),
        dict(id=2, name='ape'),
    ]
    for i in range(6):
        write_image(folder / f'pictures/{i}.png')
        content['images'].append(
            dict(id=100 + i, file_name=f'{i}.png', width=WIDTH, height=HEIGHT)
        )
        content['annotations'].append(
            dict(
                id=i,
                image_id=100 + i,
                category_id=2 if i % 2 else 7,
                bbox=[1, 2, 20, 30],
                area=600,
                iscrowd=0,
            )
        )
    (folder / 'boxes.json').write_text(json.dumps(content))
    return folder


def test_coco_is_taken_as_it_is(call, coco, tmp_path):
    config = tmp_path / 'out/c.py'
    words = ('--images', coco / 'pictures', '--out', config, '--max-epochs', 1)
    said = prepare(call, coco, *words, '--image-size', 64, 48)
    assert 'No object is a unused' in said
    cfg = load_config(str(config))
    assert tuple(cfg.classes) == ('zebra', 'ape')
    dataset = build(cfg, 'train')
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        number = int(info['img_path'].rsplit('/', 1)[1][0])
        assert info['instances'][0]['bbox'] == [1, 2, 21, 32]
        assert info['instances'][0]['bbox_label'] == number % 2
    done = call('train', config, '--work-dir', tmp_path / 'w', '--cfg-options', *QUICK)
    assert done.code == 0, done.said
    assert 'coco/bbox_mAP' in done.said


def test_coco_images_are_found_beside_the_file(call, coco, tmp_path):
    (coco / 'pictures').rename(coco / 'images')
    prepare(call, coco, '--out', tmp_path / 'c.py')
    assert len(build(load_config(str(tmp_path / 'c.py')), 'test')) == 1


def test_coco_images_outside_of_the_dataset_are_named(call, coco, tmp_path):
    """What the config trains on, the checks before the start let pass."""
    write_image(tmp_path / 'secret.png')
    content = json.loads((coco / 'boxes.json').read_text())
    names = ('../../secret.png', str(tmp_path / 'secret.png'))
    within = str(coco / 'pictures' / content['images'][2]['file_name'])
    for image, name in zip(content['images'], (*names, within)):
        image['file_name'] = name
    (coco / 'boxes.json').write_text(json.dumps(content))
    config = tmp_path / 'c.py'
    words = ('--images', coco / 'pictures', '--seed', 4)
    said = prepare(call, coco, *words, '--out', config)
    assert 'Wrong, 2 times: an image outside of the dataset' in said
    outside = f'leads to {tmp_path}/secret.png, which is outside {coco}/pictures'
    assert all(f'boxes.json: {name} {outside}' in said for name in names)
    listed = [
        image['file_name']
        for split in ('train', 'test')
        for image in json.loads((tmp_path / f'c_{split}.json').read_text())['images']
    ]
    assert len(listed) == 4 and within.rsplit('/', 1)[1] in listed
    done = call('browse', config, '--number', 9, '--out', tmp_path / 'a.png')
    assert done.code == 0, done.said


# --------------------------------------------------------------- bigger models
def test_the_coco_weights_fit_all_but_the_last_layers(call, photos, tmp_path):
    from mmengine.config import Config
    from mmengine.registry import MODELS

    prepare(call, photos, '--out', tmp_path / 'm.py', '--model', 'r50')
    cfg = load_config(str(tmp_path / 'm.py'))
    assert 'faster_rcnn_r50_fpn_1x_coco' in cfg.load_from
    theirs = Config.fromfile(
        pytest.importorskip('mmdet').__path__[0]
        + '/.mim/configs/faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
    )
    init_default_scope('mmdet')
    ours, theirs = (
        {k: v.shape for k, v in MODELS.build(model).state_dict().items()}
        for model in (cfg.model, theirs.model)
    )
    assert set(ours) == set(theirs)
    assert {key.split('.')[2] for key in ours if ours[key] != theirs[key]} == {
        'fc_cls',
        'fc_reg',
    }


def test_a_pretrained_detector_trains(call, photos, tmp_path):
    words = ('--model', 'r50', '--max-epochs', 1, '--image-size', 64, 48)
    prepare(call, photos, '--out', tmp_path / 'm.py', *words)
    options = {
        'load_from': None,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'default_hooks.checkpoint': None,
    }
    cfg = load_config(str(tmp_path / 'm.py'), options)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.work_dir = str(tmp_path / 'w')
    runner = build_runner(cfg)
    runner.train()
    assert runner.iter == 2
    assert np.isfinite(runner.message_hub.get_scalar('train/loss').current())


def test_a_pretrained_classifier_trains(call, animals, tmp_path):
    words = ('--model', 'r50', '--max-epochs', 1, '--image-size', 32)
    prepare(call, animals, '--out', tmp_path / 'm.py', *words)
    done = call(
        'train',
        tmp_path / 'm.py',
        '--work-dir',
        tmp_path / 'w',
        '--cfg-options',
        'model.backbone.init_cfg=None',
        'default_hooks.checkpoint.interval=10',
        *QUICK,
    )
    assert done.code == 0, done.said
    assert 'accuracy/top1' in done.said


def test_the_imagenet_weights_fit_the_backbone(call, animals, tmp_path):
    from mmengine.config import Config
    from mmengine.registry import MODELS

    prepare(call, animals, '--out', tmp_path / 'm.py', '--model', 'r50')
    cfg = load_config(str(tmp_path / 'm.py'))
    theirs = Config.fromfile(
        pytest.importorskip('mmpretrain').__path__[0]
        + '/.mim/configs/resnet/resnet50_8xb32_in1k.py'
    )
    init_default_scope('mmpretrain')
    ours, theirs = (
        {k: v.shape for k, v in MODELS.build(model).backbone.state_dict().items()}
        for model in (cfg.model, theirs.model)
    )
    assert ours == theirs


# ------------------------------------------------------------------ bad input
def test_nothing_is_written_over(call, photos, tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text('mine')
    said = prepare(call, photos, '--out', config, code=2)
    assert 'is there already' in said and '--force' in said
    assert config.read_text() == 'mine'
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ['mine.py']
    prepare(call, photos, '--out', config, '--force')
    assert config.read_text() != 'mine'


@pytest.mark.parametrize(
    ('words', 'code', 'text'),
    [
        (['nowhere', '--out', 'a.py'], 1, 'no folder nowhere'),
        (['docs', '--out', 'a.txt'], 2, 'a config is a .py file'),
        (['docs', '--out', 'a.py', '--test-share', '1'], 2, 'between 0 and 1'),
        (['docs', '--out', 'a.py', '--test-share', 'half'], 2, 'got half'),
        (['docs', '--out', 'a.py', '--annotations', 'no.json'], 1, 'no file no.json'),
        (['docs', '--out', 'a.py', '--annotations', 'tests'], 1, 'no XML file in'),
        (['docs'], 2, '--out'),
    ],
)
def test_bad_words(call, words, code, text):
    assert text in prepare(call, *words, code=code)
    assert not (ROOT / 'a.py').exists()


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('{', 'boxes.json:1 is no JSON'),
        ('{"images": [], "annotations": []}', 'no list of categories'),
        (
            '{"images": [{}], "annotations": [], "categories": []}',
            'images[0] has no id',
        ),
        ('[' * 100_000, 'nested too deep'),
        (
            '{"images": [7], "annotations": [], "categories": []}',
            'images[0] is 7, and no object with id',
        ),
        (
            '{"images": [{"id": 1, "file_name": 5}], "annotations": [], '
            '"categories": []}',
            'a file_name that is no name: 5',
        ),
        (
            '{"images": [{"id": true, "file_name": "0.png"}], "annotations": [], '
            '"categories": []}',
            'id that is no number: True',
        ),
    ],
)
def test_broken_json(call, coco, tmp_path, text, said):
    path = coco / 'boxes.json'
    path.write_text(text)
    words = ('--annotations', path, '--out', tmp_path / 'c.py')
    assert said in prepare(call, coco, *words, code=1)
    assert not (tmp_path / 'c.py').exists()


def change(path, **changes):
    """Set keys of annotations or images of a JSON file, by their numbers."""
    content = json.loads(path.read_text())
    for part, entries in changes.items():
        for i, keys in entries.items():
            content[part][i].update(keys)
    path.write_text(json.dumps(content))


def test_boxes_of_no_use_in_json_are_named_and_left_out(call, coco, tmp_path):
    write_image(coco / 'pictures/5.png')
    (coco / 'pictures/5.png').write_text('no picture')
    change(
        coco / 'boxes.json',
        annotations={
            0: dict(bbox=[1, 2, 0.5, 30]),
            1: dict(bbox=[WIDTH, 2, 5, 5]),
            2: dict(category_id=99),
        },
    )
    config = tmp_path / 'c.py'
    words = ('--images', coco / 'pictures', '--seed', 4)
    said = prepare(call, coco, *words, '--out', config)
    assert 'annotation 0 of 0.png has no width or height' in said
    assert 'annotation 1 of 1.png is outside the image' in said
    assert 'annotation 2 of 2.png of no category' in said
    assert '5.png: is no image that can be opened' in said
    left = [
        json.loads((tmp_path / f'c_{s}.json').read_text()) for s in ('train', 'test')
    ]
    assert sum(len(part['annotations']) for part in left) == 2
    assert sum(len(part['images']) for part in left) == 5


@pytest.mark.parametrize('which', ['train', 'test'])
def test_a_set_without_an_object_is_an_error(call, coco, tmp_path, which):
    content = json.loads((coco / 'boxes.json').read_text())
    for split in ('train', 'test'):
        annotations = content['annotations'] if split != which else []
        (coco / f'{split}.json').write_text(
            json.dumps({**content, 'annotations': annotations})
        )
    (coco / 'boxes.json').unlink()
    words = ('--images', coco / 'pictures', '--out', tmp_path / 'c.py')
    assert f'The {which} set has no object.' in prepare(call, coco, *words, code=1)


def test_categories_that_only_the_test_set_has_are_an_error(call, coco, tmp_path):
    content = json.loads((coco / 'boxes.json').read_text())
    (coco / 'test.json').write_text(json.dumps(content))
    content['categories'][0]['name'] = 'horse'
    (coco / 'train.json').write_text(json.dumps(content))
    (coco / 'boxes.json').unlink()
    words = ('--images', coco / 'pictures', '--out', tmp_path / 'c.py')
    said = prepare(call, coco, *words, code=1)
    assert 'test.json has zebra, which' in said and 'train.json does not name' in said


def test_of_three_parts_the_validation_part_is_left_out(call, coco, tmp_path):
    for split in ('train', 'val', 'test'):
        (coco / f'{split}.json').write_text((coco / 'boxes.json').read_text())
    (coco / 'boxes.json').unlink()
    words = ('--images', coco / 'pictures', '--out', tmp_path / 'c.py')
    assert 'validation part is not used' in prepare(call, coco, *words)


def test_xml_without_an_object_to_learn(call, photos, tmp_path):
    for i in range(10):
        (photos / f'xml/road {i}.xml').write_text('<annotation>')
    said = prepare(call, photos, '--out', tmp_path / 'c.py', code=1)
    assert f'No annotation in {photos}/xml has an object to learn' in said
    assert 'road 0.xml:1: the file ends before' in said


def test_a_list_of_images_without_objects(call, photos, tmp_path):
    write_xml(photos / 'xml/road 1.xml')
    for name, line in (('train', 'road 2'), ('test', 'road 1')):
        (tmp_path / f'{name}.txt').write_text(f'{line}\n')
    words = ('--lists', tmp_path / 'train.txt', tmp_path / 'test.txt')
    said = prepare(call, photos, *words, '--out', tmp_path / 'c.py', code=1)
    assert 'The test set has no annotation with an object.' in said


def test_boxes_of_no_use_in_xml_are_named(call, photos, tmp_path):
    write_xml(photos / 'xml/road 2.xml', ('stop', 9, 5, 9, 40), ('stop', 5, 5, 99, 9))
    said = prepare(call, photos, '--out', tmp_path / 'mine.py')
    assert 'stop (9, 5, 9, 40) has no width or height' in said
    assert 'stop (5, 5, 99, 9) is partly outside the image' in said


def test_folders_of_train_and_test_within_the_xml(call, tmp_path):
    for split, count in (('train', 3), ('test', 2)):
        for i in range(count):
            write_image(tmp_path / f'd/{split}/{i}.png')
            write_xml(tmp_path / f'd/{split}/{i}.xml', ('a', 5, 5, 40, 40))
    said = prepare(call, tmp_path / 'd', '--out', tmp_path / 'c.py')
    assert 'Train and test are the folders of these names.' in said
    assert read_list(tmp_path / 'c_test.txt') == ['test/0', 'test/1']


def test_a_broken_image_of_a_class_is_named(call, animals, tmp_path):
    (animals / 'cat/0.jpg').write_text('no picture')
    said = prepare(call, animals, '--out', tmp_path / 'a.py')
    assert 'cat/0.jpg: is no image that can be opened' in said


def test_a_classifier_has_one_image_size(call, animals, tmp_path):
    words = ('--image-size', 32, 48, '--out', tmp_path / 'b.py')
    said = prepare(call, animals, *words, code=2)
    assert '--image-size wants 1 number for this dataset' in said


def test_json_without_its_images(call, coco, tmp_path):
    words = ('--annotations', coco / 'boxes.json', '--out', tmp_path / 'c.py')
    said = prepare(call, tmp_path, *words, code=1)
    assert 'Of the 6 images' in said and '--images' in said


def test_an_empty_folder(call, tmp_path):
    (tmp_path / 'empty').mkdir()
    said = prepare(call, tmp_path / 'empty', '--out', tmp_path / 'c.py', code=1)
    assert 'two folders or more' in said


def test_a_list_that_names_files_elsewhere(call, photos, tmp_path):
    for name in ('train', 'test'):
        (tmp_path / f'{name}.txt').write_text('road 1\n../../secret\n')
    words = ('--lists', tmp_path / 'train.txt', tmp_path / 'test.txt')
    said = prepare(call, photos, *words, '--out', tmp_path / 'c.py')
    assert f"{tmp_path}/train.txt:2: no XML for '../../secret'" in said
    assert read_list(tmp_path / 'c_train.txt') == ['road 1']


def test_samples_are_drawn(call, photos, tmp_path):
    picture = tmp_path / 'page.png'
    prepare(call, photos, '--out', tmp_path / 'c.py', '--draw', picture)
    page = cv2.imread(str(picture))
    assert page.shape[0] > 400 and page.std() > 10
