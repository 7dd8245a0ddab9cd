"""The names and the order of the layers."""

import keras
import pytest

from helpers import (
    CONTENT_LAYER,
    CONV_LAYERS,
    LAYERS,
    POOL_LAYERS,
    STYLE_LAYERS,
    layer_name,
    vgg19,
)


def test_the_16_convolution_and_5_pooling_layers_are_keras_own_in_order():
    network = keras.applications.VGG19(include_top=False, weights=None)
    names = [layer.name for layer in network.layers]
    assert [name for name in names if "conv" in name] == list(CONV_LAYERS)
    assert [name for name in names if "pool" in name] == list(POOL_LAYERS)
    assert (len(CONV_LAYERS), len(POOL_LAYERS)) == (16, 5)


def test_the_papers_names_stand_for_keras_names():
    assert layer_name("conv4_2") == CONTENT_LAYER == "block4_conv2"
    assert layer_name("pool1") == "block1_pool"
    assert [layer_name(f"conv{block}_1") for block in range(1, 6)] == list(STYLE_LAYERS)
    assert all(layer_name(name) == name for name in CONV_LAYERS + POOL_LAYERS)


@pytest.mark.parametrize("name", ["conv4_5", "conv1_3", "pool6", "block4_conv2 ", "fc1", ""])
def test_an_unknown_layer_is_named(name):
    with pytest.raises(ValueError, match="no layer"):
        layer_name(name)


def test_a_near_miss_is_answered_with_the_nearest_name():
    with pytest.raises(ValueError, match="block4_conv2"):
        layer_name("block4conv2")


def test_all_layers_stand_in_the_order_of_the_network():
    assert [layer.name for layer in vgg19("random").layers[1:]] == list(LAYERS)
