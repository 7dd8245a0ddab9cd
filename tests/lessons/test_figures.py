"""The drawings of the lessons: what they mark, and what they refuse."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import draw_convolution, draw_receptive_fields
from helpers.images import load_image


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_a_convolution_is_drawn_with_its_numbers():
    inputs = np.arange(5 * 5 * 2, dtype=float).reshape(5, 5, 2) / 10
    outputs = -np.arange(2 * 2 * 3, dtype=float).reshape(2, 2, 3)
    figure = draw_convolution(inputs, outputs, kernel_size=3, stride=2, position=(1, 0))
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == [
        f"{value:.1f}" for value in inputs[2:5, 0:3, 0].ravel()
    ]
    assert [text.get_text() for text in right.texts] == [f"{outputs[1, 0, 0]:.1f}"]
    assert "N = 2 input channels of 5 × 5" in left.get_title()
    assert "M = 3 output channels of 2 × 2" in right.get_title()


def test_receptive_fields_are_squares_around_the_center():
    axes = draw_receptive_fields(load_image("temple", size=60), {"conv1_1": 3, "conv2_1": 10}).axes[0]
    named = {patch.get_label(): patch for patch in axes.patches if patch.get_label()}
    for label, side in (("conv1_1: 3", 3), ("conv2_1: 10", 10)):
        assert named[label].get_width() == named[label].get_height() == side
        assert named[label].get_x() + side / 2 == pytest.approx(
            (load_image("temple", size=60).shape[1] - 1) / 2
        )
