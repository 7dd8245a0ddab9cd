import socket
from pathlib import Path

import keras
import numpy as np
import pytest

from helpers import (
    CONTENT_LAYER,
    CONV_LAYERS,
    LAYERS,
    POOL_LAYERS,
    STYLE_LAYERS,
    WeightsError,
    bundled_images,
    feature_model,
    layer_name,
    load_image,
    preprocess,
    vgg19,
)
from helpers import vgg as vgg_module
from helpers.vgg import (
    BUNDLED_WEIGHTS,
    MEAN_ACTIVATIONS,
    in_bfloat16,
    layers_up_to,
    mean_activations,
    measured_means,
    smallest_side,
    weights_checksum,
    winograd_layers,
)

REFERENCE = Path(__file__).with_name("reference") / "vgg19_bundled.npz"


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


@pytest.mark.skipif(not winograd_layers("float32"), reason="this backend or device slides every kernel")
@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("bfloat16", 0.03)])
def test_layers_of_many_channels_see_what_a_sliding_kernel_sees(
    photo, precision, near, monkeypatch, apart, rounding
):
    monkeypatch.setattr("helpers.vgg._multiplies_vectors", lambda: True)
    fast, slow = (
        feature_model(STYLE_LAYERS, "bundled", precision=precision, sliding=sliding)
        for sliding in (False, True)
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


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fma avx2", False),
        ("avx512f avx512_bf16", True),
        ("avx512_bf16 amx_bf16", False),
        ("asimd bf16", True),
    ],
)
def test_winograd_in_bfloat16_is_for_processors_that_multiply_its_vectors(monkeypatch, flags, expected):
    before = winograd_layers("float32")
    monkeypatch.setattr(vgg_module.Path, "read_text", lambda path, encoding: f"flags : {flags}")
    vgg_module._multiplies_vectors.cache_clear()
    assert bool(winograd_layers("bfloat16")) == (expected and bool(before))
    assert winograd_layers("float32") == before
    vgg_module._multiplies_vectors.cache_clear()


def test_weights_are_shared_and_frozen():
    small, large = feature_model("conv1_1", "bundled"), feature_model(STYLE_LAYERS, "bundled")
    assert small.get_layer("block1_conv1") is large.get_layer("block1_conv1")
    assert vgg19("bundled") is vgg19("bundled")
    for model in (small, large, vgg19("bundled"), vgg19("bundled", normalised=True)):
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


def test_normalising_leaves_what_the_network_computes_unchanged_but_for_scale(photo):
    plain = feature_model(CONV_LAYERS, "bundled")(preprocess(photo))
    normalised = feature_model(CONV_LAYERS, "bundled", normalised=True)(preprocess(photo))
    with np.load(MEAN_ACTIVATIONS) as means:
        for name in CONV_LAYERS:
            expected = np.array(plain[name]) / means[f"avg/{name}"]
            np.testing.assert_allclose(
                np.array(normalised[name]), expected, rtol=2e-3, atol=1e-4 * expected.max()
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


def test_a_normalised_random_network_has_mean_activation_1(monkeypatch):
    image = load_image("gravel", size=48)
    monkeypatch.setattr(
        vgg_module,
        "measured_means",
        lambda weights, pooling: mean_activations(vgg19(weights, pooling), [image]),
    )
    vgg_module._vgg19.cache_clear()
    means = mean_activations(vgg19("random", normalised=True), [image])
    vgg_module._vgg19.cache_clear()
    for name in CONV_LAYERS:
        heard = means[name] > 0
        assert heard.mean() > 0.5
        np.testing.assert_allclose(means[name][heard], 1, rtol=1e-2)


def test_random_weights_are_seeded_and_keep_the_scale_of_activations(photo):
    first = vgg19("random").get_weights()
    vgg_module._vgg19.cache_clear()
    assert all((a == b).all() for a, b in zip(first, vgg19("random").get_weights(), strict=True))
    outputs = feature_model(["conv1_1", "conv4_2"], "random", "max")(preprocess(photo))
    early, late = (float(np.std(np.array(outputs[name]))) for name in ("conv1_1", "conv4_2"))
    assert 0.1 < late / early < 10


def test_auto_takes_keras_own_file_where_it_is_cached_and_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert vgg_module.resolve_weights("auto") == "bundled"
    cached = tmp_path / "models" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    cached.parent.mkdir()
    cached.write_bytes(b"half a download")
    assert vgg_module.resolve_weights("auto") == "bundled"
    import hashlib

    monkeypatch.setattr(vgg_module, "_KERAS_FILE_MD5", hashlib.md5(b"half a download").hexdigest())
    assert vgg_module.resolve_weights("auto") == "imagenet"


def test_a_weights_file_saved_by_keras_can_be_used(tmp_path, photo):
    path = tmp_path / "mine.weights.h5"
    vgg19("bundled").save_weights(path)
    mine = feature_model("conv5_1", path)(preprocess(photo))["conv5_1"]
    bundled = feature_model("conv5_1", "bundled")(preprocess(photo))["conv5_1"]
    assert (np.array(mine) == np.array(bundled)).all()


def test_unknown_weights_pooling_and_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="imagnet"):
        vgg19("imagnet")
    with pytest.raises(FileNotFoundError, match=r"mine\.h5"):
        vgg19(tmp_path / "mine.h5")
    with pytest.raises(ValueError, match="median"):
        vgg19("bundled", pooling="median")


def test_the_bundled_weights_are_the_file_the_credits_name():
    digest = "fd6692a3144af15d97f58979ccea041af86fb244cd2748d7be4a51c36a38367f"
    assert weights_checksum("bundled") == digest
    assert digest in (BUNDLED_WEIGHTS.parent / "CREDITS.md").read_text(encoding="utf-8")


def test_all_layers_stand_in_the_order_of_the_network():
    assert [layer.name for layer in vgg19("random").layers[1:]] == list(LAYERS)


def save_codes(path, change=None, leave_out=None):
    """Small weights in the course's own format, all kernels the same code, with one thing changed."""
    arrays, channels = {}, 3
    for name in CONV_LAYERS:
        count = vgg_module.filters(name)
        arrays[f"{name}/codes"] = np.zeros((3, 3, channels, count), np.uint8)
        arrays[f"{name}/codebook"] = np.zeros(256, np.float32)
        arrays[f"{name}/bias"] = np.zeros(count, np.float32)
        channels = count
    arrays.update(change or {})
    arrays.pop(leave_out, None)
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    ("change", "leave_out", "words"),
    [
        ({"block1_conv1/codes": np.zeros((3, 3, 4, 64), np.uint8)}, None, r"shape \(3, 3, 4, 64\), not"),
        ({"block2_conv1/bias": np.zeros(7, np.float32)}, None, "does not hold the weights of VGG19"),
        ({"block1_conv2/codebook": np.full(256, np.nan, np.float32)}, None, "not finite"),
        ({"block1_conv2/codebook": np.full(256, None)}, None, "does not hold the weights of VGG19"),
        ({"block1_conv2/codes": np.full((3, 3, 64, 64), 2.5)}, None, "does not hold the weights of VGG19"),
        ({}, "block3_conv2/codes", "block3_conv2"),
    ],
)
def test_weights_of_another_network_are_named(tmp_path, change, leave_out, words):
    path = tmp_path / "mine.npz"
    save_codes(path, change, leave_out)
    with pytest.raises(WeightsError, match=words) as refused:
        vgg19(path)
    assert "mine.npz" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("ending", [".npz", ".h5", ".weights.h5", ".keras"])
@pytest.mark.parametrize(
    "content", [b"", b"no weights at all", b"PK\x03\x04half a zip", b"\x89HDF\r\n\x1a\nhalf"]
)
def test_damaged_weights_are_named(tmp_path, ending, content):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="mine") as refused:
        vgg19(path)
    assert "\n" not in str(refused.value)


def test_weights_cut_short_are_named(tmp_path):
    whole = BUNDLED_WEIGHTS.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path = tmp_path / f"{share}.npz"
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(WeightsError, match=f"{share}"):
            vgg19(path)


def test_bundled_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(vgg_module, "BUNDLED_WEIGHTS", tmp_path / "bundled.npz")
    save_codes(tmp_path / "bundled.npz")
    weights_checksum.cache_clear()
    vgg_module._vgg19.cache_clear()
    with pytest.raises(WeightsError, match="checksum"):
        vgg19("bundled")
    weights_checksum.cache_clear()


def test_without_a_network_the_sentence_names_what_was_sought(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror("no network"))
    )
    with pytest.raises(
        WeightsError, match=r"neither at .* nor to be had from .*weights='bundled'"
    ) as refused:
        vgg19("imagenet")
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_are_a_name_or_a_path():
    for wrong in (None, 7, ["bundled"], b"bundled"):
        with pytest.raises(ValueError, match="name or the path"):
            vgg19(wrong)


@pytest.mark.parametrize(
    ("glance", "seconds", "expected", "looks"),
    [
        (3.5, None, "float32", 1),
        (2.5, 0.8, "bfloat16", 2),
        (1.0, 0.9, "bfloat16", 2),
        (0.5, 0.95, "float32", 2),
    ],
)
def test_bfloat16_is_chosen_where_it_is_clearly_faster(monkeypatch, glance, seconds, expected, looks):
    looked = []

    def measured(sides, rounds):
        looked.append(sides)
        return {"float32": 1.0, "bfloat16": glance if len(looked) == 1 else seconds}

    monkeypatch.setattr(vgg_module, "_seconds_of_convolution", measured)
    assert vgg_module.faster_precision.__wrapped__() == expected
    assert len(looked) == looks


def test_a_convolution_takes_time_in_each_precision():
    seconds = vgg_module._seconds_of_convolution({"block1_conv2": 8}, rounds=2)
    assert set(seconds) == {"float32", "bfloat16"}
    assert all(0 < each < 60 for each in seconds.values())
