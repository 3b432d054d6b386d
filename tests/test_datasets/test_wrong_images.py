"""What is no image gets the same error, whether or not the draw fires."""

import numpy as np
import pytest
import torch
from PIL import Image

from loma_mm import LocalMagnification

WRONG = {
    'a PIL image': Image.new('RGB', (8, 8)),
    'a list': [[[1, 2, 3]]],
    'a list of images': [np.zeros((8, 8, 3), np.uint8)],
    'a tensor': torch.zeros(3, 8, 8),
    'a path': 'a.jpg',
    'bytes': b'\xff\xd8',
    'nothing': None,
    'objects': np.array([[None, 1], [2, 3]], object),
    'complex numbers': np.zeros((4, 4), complex),
    'strings': np.full((4, 4), 'a'),
}


@pytest.mark.parametrize('labels', ['keep', 'warp'])
@pytest.mark.parametrize('prob', [0, 0.25, 1])
@pytest.mark.parametrize('name', WRONG)
def test_it_is_a_type_error_that_names_the_argument(name, prob, labels):
    transform = LocalMagnification(prob=prob, labels=labels)
    for _ in range(8):
        with pytest.raises(TypeError, match='img must be a NumPy array'):
            transform(dict(img=WRONG[name]))


@pytest.mark.parametrize('prob', [0, 1])
@pytest.mark.parametrize('shape', [(), (4,), (2, 4, 4, 3)])
def test_other_dimensions_are_a_value_error(shape, prob):
    with pytest.raises(ValueError, match='img must have shape'):
        LocalMagnification(prob=prob)(dict(img=np.zeros(shape)))


@pytest.mark.parametrize('prob', [0, 1])
def test_a_sample_without_image_is_named(prob):
    with pytest.raises(KeyError, match='after the image is loaded'):
        LocalMagnification(prob=prob)(dict(img_path='a.jpg'))
