"""Where weights come from, and what is refused."""

import socket

import numpy as np
import pytest

from helpers import (
    CONV_LAYERS,
    WeightsError,
    feature_model,
    preprocess,
    vgg,
    vgg19,
    weights,
)
from helpers.layers import filters
from helpers.weights import BUNDLED_WEIGHTS, weights_checksum


def test_random_weights_are_seeded_and_keep_the_scale_of_activations(photo):
    first = vgg19("random").get_weights()
    vgg._vgg19.cache_clear()
    assert all((a == b).all() for a, b in zip(first, vgg19("random").get_weights(), strict=True))
    outputs = feature_model(["conv1_1", "conv4_2"], "random", "max")(preprocess(photo))
    early, late = (float(np.std(np.array(outputs[name]))) for name in ("conv1_1", "conv4_2"))
    assert 0.1 < late / early < 10


def test_auto_takes_keras_own_file_where_it_is_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert weights.resolve_weights("auto") == "bundled"
    cached = tmp_path / "models" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    cached.parent.mkdir()
    cached.touch()
    assert weights.resolve_weights("auto") == "imagenet"


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


def save_codes(path, change=None, leave_out=None):
    """Small weights in the course's own format, all kernels the same code, with one thing changed."""
    arrays, channels = {}, 3
    for name in CONV_LAYERS:
        count = filters(name)
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
        ({"block1_conv1/codes": np.zeros((3, 3, 4, 64), np.uint8)}, None, r"shapes \(\(3, 3, 4, 64\), "),
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
    monkeypatch.setattr(weights, "BUNDLED_WEIGHTS", tmp_path / "bundled.npz")
    save_codes(tmp_path / "bundled.npz")
    weights_checksum.cache_clear()
    vgg._vgg19.cache_clear()
    with pytest.raises(WeightsError, match="checksum"):
        vgg19("bundled")
    weights_checksum.cache_clear()


def test_without_a_network_the_sentence_names_what_was_sought(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror("no network"))
    )
    with pytest.raises(
        WeightsError, match=r"are not at .* and cannot be downloaded from .*weights='bundled'"
    ) as refused:
        vgg19("imagenet")
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_are_a_name_or_a_path():
    for wrong in (None, 7, ["bundled"], b"bundled"):
        with pytest.raises(ValueError, match="name or the path"):
            vgg19(wrong)
