"""Small pictures for the tests; none needs more than a few seconds of VGG19."""

import numpy as np
import pytest

from helpers import bundled_image, load_image


@pytest.fixture(scope="session")
def photo():
    return load_image(bundled_image("temple"), size=32)


@pytest.fixture(scope="session")
def painting():
    return load_image(bundled_image("great_wave"), size=40)


@pytest.fixture
def generator():
    return np.random.default_rng(7)
