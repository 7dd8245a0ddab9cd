import colorsys
from pathlib import Path

import keras
import numpy as np
import pytest

from helpers import (
    CONV_LAYERS,
    POOL_LAYERS,
    STYLE_LAYERS,
    bundled_images,
    feature_model,
    load_image,
    preprocess,
    vgg19,
)
from helpers import vgg as vgg_module
from helpers.layers import layers_up_to, smallest_side
from helpers.vgg import (
    LEAST_MEAN,
    MEAN_ACTIVATIONS,
    in_bfloat16,
    mean_activations,
    measured_means,
    winograd_layers,
)

REFERENCE = Path(__file__).with_name("reference") / "vgg19_bundled.npz"


def test_every_layer_has_the_shape_the_architecture_says():
    model = feature_model(CONV_LAYERS + POOL_LAYERS, weights="bundled")
    outputs = model(np.zeros((1, 64, 96, 3), np.float32))
    for name, features in outputs.items():
        block = int(name[5])
        halvings = block if name.endswith("pool") else block - 1
        filters = min(64 * 2 ** (block - 1), 512)
        assert tuple(features.shape) == (1, 64 >> halvings, 96 >> halvings, filters), name


def test_the_bundled_weights_see_what_they_saw_before():
    with np.load(REFERENCE) as reference:
        outputs = feature_model(CONV_LAYERS + POOL_LAYERS, weights="bundled")(preprocess(reference["image"]))
        for name, features in outputs.items():
            sampled = np.array(features)[0, ::2, ::2, ::16]
            np.testing.assert_allclose(
                sampled, reference[name], rtol=1e-4, atol=1e-5 * np.abs(reference[name]).max()
            )


def test_convolution_layers_are_taken_after_their_relu(photo):
    outputs = feature_model(CONV_LAYERS, weights="bundled")(preprocess(photo))
    assert all(np.array(features).min() == 0 for features in outputs.values())


def test_average_pooling_is_in_place_and_max_pooling_can_be_had(photo):
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        model = feature_model(["block1_conv2", "block1_pool"], "bundled", pooling)
        outputs = model(preprocess(photo))
        before, after = np.array(outputs["block1_conv2"]), np.array(outputs["block1_pool"])
        _, height, width, filters = after.shape
        windows = before.reshape(1, height, 2, width, 2, filters)
        np.testing.assert_allclose(after, reduce(windows, axis=(2, 4)), rtol=1e-5, atol=1e-4)


def test_in_bfloat16_the_first_convolution_still_sees_the_pixels_unrounded(photo):
    pixels = preprocess(photo) + 0.01
    # The second network of a process has another name for its input than the first.
    exact, rounded = (
        feature_model(["block1_conv1", "block1_conv2"], "random", precision=precision)
        for precision in ("float32", "bfloat16")
    )
    ours, theirs = rounded(pixels), exact(pixels)
    np.testing.assert_allclose(ours["block1_conv1"], theirs["block1_conv1"], rtol=1e-5, atol=1e-5)
    assert not np.allclose(ours["block1_conv2"], theirs["block1_conv2"], rtol=1e-5, atol=1e-5)


def test_in_bfloat16_the_errors_of_a_kernel_cancel_among_its_nine_entries():
    kernel = np.random.default_rng(0).standard_normal((3, 3, 16, 32)).astype(np.float32)
    alone = keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.cast(kernel, "bfloat16"), "float32"))
    rounded = in_bfloat16(kernel)
    # 8 binary digits, the last of which may go either way.
    assert (np.abs(rounded - kernel) <= 2**-7 * np.maximum(np.abs(rounded), np.abs(kernel)) + 2**-7).all()
    exact = keras.ops.cast(keras.ops.cast(rounded, "bfloat16"), "float32")
    np.testing.assert_array_equal(exact, rounded)
    # What is left is the rounding of the last entry.
    left = np.abs((rounded - kernel).sum(axis=(0, 1)))
    assert (left <= 2**-8 * np.abs(rounded[2, 2]) + 1e-6).all()
    assert left.mean() < 0.5 * np.abs((alone - kernel).sum(axis=(0, 1))).mean()


@pytest.mark.skipif(not winograd_layers("float32"), reason="here every convolution is direct")
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("bfloat16", 0.03)])
def test_layers_of_many_channels_see_what_a_sliding_kernel_sees(
    photo, precision, near, monkeypatch, apart, rounding
):
    monkeypatch.setattr("helpers.compute.precision.has_bfloat16_dot_product", lambda: True)
    fast, slow = (
        feature_model(STYLE_LAYERS, "bundled", precision=precision, direct=direct) for direct in (False, True)
    )
    changed = winograd_layers(precision)
    assert "block4_conv1" in changed
    assert "block1_conv2" not in changed
    assert all(
        (type(fast.get_layer(name)) is type(slow.get_layer(name))) == (name not in changed)
        for name in layers_up_to(STYLE_LAYERS)
    )
    ours, theirs = fast(preprocess(photo)), slow(preprocess(photo))
    for layer in STYLE_LAYERS:
        assert apart(ours[layer], theirs[layer]) < near * rounding(precision), layer


def test_weights_are_shared_and_frozen():
    small, large = feature_model("conv1_1", "bundled"), feature_model(STYLE_LAYERS, "bundled")
    assert small.get_layer("block1_conv1") is large.get_layer("block1_conv1")
    assert vgg19("bundled") is vgg19("bundled")
    for model in (small, large, vgg19("bundled"), vgg19("bundled", normalized=True)):
        assert model.trainable_weights == []


def test_the_model_is_cut_after_the_deepest_layer():
    names = [layer.name for layer in feature_model(["conv1_1", "conv3_1"], "bundled").layers]
    assert names[1:] == ["block1_conv1", "block1_conv2", "block1_pool"] + [
        "block2_conv1",
        "block2_conv2",
        "block2_pool",
        "block3_conv1",
    ]


def test_features_bear_the_names_they_were_asked_for(photo):
    outputs = feature_model(["conv2_1", "block1_pool"], "bundled")(preprocess(photo))
    assert set(outputs) == {"conv2_1", "block1_pool"}


def test_pictures_of_any_size_and_no_padding_of_pooling():
    features = feature_model("conv5_1", "bundled")(np.zeros((1, 33, 50, 3), np.float32))["conv5_1"]
    assert tuple(features.shape) == (1, 2, 3, 512)
    assert smallest_side(["conv5_1"]) == 16
    assert smallest_side(["conv1_1", "pool5"]) == 32
    assert smallest_side("conv1_2") == 1


def test_normalizing_leaves_what_the_network_computes_unchanged_but_for_scale(photo):
    plain = feature_model(CONV_LAYERS, "bundled")(preprocess(photo))
    normalized = feature_model(CONV_LAYERS, "bundled", normalized=True)(preprocess(photo))
    with np.load(MEAN_ACTIVATIONS) as means:
        for name in CONV_LAYERS:
            mean = means[f"avg/{name}"]
            expected = np.array(plain[name]) / np.maximum(mean, LEAST_MEAN * np.median(mean))
            np.testing.assert_allclose(
                np.array(normalized[name]), expected, rtol=2e-3, atol=1e-4 * expected.max()
            )


def test_the_stored_mean_activations_of_the_first_block_are_those_of_the_bundled_pictures():
    layers = CONV_LAYERS[:2]
    model = feature_model(layers, "bundled")
    sums, positions = dict.fromkeys(layers, 0.0), 0
    for kind in ("content", "style", "texture"):
        for path in bundled_images(kind):
            features = model(preprocess(load_image(path, size=256)))
            sums = {name: sums[name] + np.sum(features[name], axis=(0, 1, 2)) for name in layers}
            positions += features[layers[0]].shape[1] * features[layers[0]].shape[2]
    with np.load(MEAN_ACTIVATIONS) as stored:
        for name in layers:
            for pooling in ("avg", "max"):
                np.testing.assert_allclose(sums[name] / positions, stored[f"{pooling}/{name}"], rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_the_stored_mean_activations_are_those_of_the_bundled_pictures(pooling):
    measured = measured_means("bundled", pooling)
    with np.load(MEAN_ACTIVATIONS) as stored:
        for name in CONV_LAYERS:
            np.testing.assert_allclose(measured[name], stored[f"{pooling}/{name}"], rtol=1e-3)


def test_a_normalized_random_network_has_mean_activation_1(monkeypatch):
    image = load_image("gravel", size=48)
    monkeypatch.setattr(
        vgg_module,
        "measured_means",
        lambda weights, pooling: mean_activations(vgg19(weights, pooling), [image]),
    )
    vgg_module._vgg19.cache_clear()
    means = mean_activations(vgg19("random", normalized=True), [image])
    vgg_module._vgg19.cache_clear()
    plain = mean_activations(vgg19("random"), [image])
    for name in CONV_LAYERS:
        heard = plain[name] > LEAST_MEAN * np.median(plain[name])
        assert heard.mean() > 0.5
        np.testing.assert_allclose(means[name][heard], 1, rtol=1e-2)
        assert (means[name][~heard] < 1.01).all()


HUES = np.array([colorsys.hsv_to_rgb(hue / 12, 1, 1) for hue in range(12)], np.float32) * 255


def saturated(inside, outside):
    """A disc of one color before another."""
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    disc = (rows**2 + columns**2 < 0.4)[..., np.newaxis]
    return np.where(disc, inside, outside).astype(np.float32)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_no_filter_outshouts_all_others_in_pictures_of_any_color(pooling):
    """In a saturated picture the mean of one filter was 190 times that over the bundled pictures."""
    network = vgg19("bundled", pooling, normalized=True)
    pairs = [(hue, 0.4 * HUES[(number + 6) % 12]) for number, hue in enumerate(HUES)]
    pictures = [saturated(*pair) for pair in pairs] + [saturated(*pair[::-1]) for pair in pairs]
    noise = np.random.default_rng(0).uniform(0, 255, (64, 64, 3)).astype(np.float32)
    for picture in (*pictures, noise, 0.1 * noise, 230 + 0.1 * noise):
        for name, means in mean_activations(network, [picture]).items():
            if name in CONV_LAYERS[:9]:
                assert means.max() < 100, name
