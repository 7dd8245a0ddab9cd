"""The network of a painter, its file, and what paint refuses."""

import json
import re
import zipfile

import numpy as np
import pytest
from keras import ops

from helpers import Painter, instance_normalization, load_painter, paint, painter_network
from helpers.errors import (
    ArgumentError,
    MissingFileError,
    OutputError,
    PictureError,
    TooLargeError,
    WeightsError,
)
from helpers.files.arrays import read_arrays, write_arrays
from helpers.painter.network import painting_strength


@pytest.fixture(scope="module")
def untrained():
    return Painter(painter_network(seed=3), {"recipe": "train_painter"})


@pytest.fixture
def saved(untrained, tmp_path):
    return untrained.save(tmp_path / "mine.npz")


def random_image(*sides):
    return np.random.default_rng(5).uniform(0, 255, (*sides, 3))


def test_normalized_maps_have_mean_offset_and_deviation_scale(generator):
    maps = generator.normal(7, 3, (2, 5, 6, 4)).astype("float32")
    scale, offset = np.arange(1.0, 5.0, dtype="float32"), np.arange(4, dtype="float32")
    found = ops.convert_to_numpy(instance_normalization(maps, scale, offset))
    assert found.mean(axis=(1, 2)) == pytest.approx(np.broadcast_to(offset, (2, 4)), abs=1e-5)
    assert found.std(axis=(1, 2)) == pytest.approx(np.broadcast_to(scale, (2, 4)), rel=1e-4)


def test_normalization_removes_the_contrast_of_a_picture(generator):
    maps = generator.normal(0, 1, (1, 5, 6, 4)).astype("float32")
    dimmed = instance_normalization(0.5 * maps + 3, 1.0, 0.0)
    assert ops.convert_to_numpy(dimmed) == pytest.approx(
        ops.convert_to_numpy(instance_normalization(maps, 1.0, 0.0)), abs=1e-3
    )


@pytest.mark.parametrize("sides", [(2, 2), (2, 9), (3, 50), (7, 5), (33, 65), (64, 40)])
def test_a_picture_of_any_size_keeps_its_size(untrained, sides):
    image = paint(random_image(*sides), untrained)
    assert image.shape == (*sides, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("sides", [(1, 1), (1, 40), (40, 1)])
def test_a_side_of_one_pixel_is_refused(untrained, sides, one_sentence):
    with pytest.raises(PictureError) as error:
        paint(random_image(*sides), untrained)
    one_sentence(error.value, "two pixels")


def test_a_picture_is_the_same_alone_and_in_a_batch(untrained, generator):
    pixels = generator.normal(0, 60, (3, 24, 32, 3)).astype("float32")
    strength = np.array([[-1], [0.2], [1]], "float32")
    batch = ops.convert_to_numpy(untrained.network([pixels, strength]))
    for number in range(3):
        alone = untrained.network([pixels[number : number + 1], strength[number : number + 1]])
        assert batch[number] == pytest.approx(ops.convert_to_numpy(alone)[0], abs=1e-2)


def test_a_picture_that_memory_cannot_hold_is_refused_with_a_size_that_fits(
    untrained, monkeypatch, one_sentence
):
    monkeypatch.setattr("helpers.painter.network.free_memory", lambda: 1e6)
    with pytest.raises(TooLargeError) as error:
        paint(random_image(80, 100), untrained)
    one_sentence(error.value, "would fit")
    fits = int(re.search(r"side of (\d+)", str(error.value))[1])
    assert paint(random_image(80, 100), untrained, size=fits).shape[0] == fits
    with pytest.raises(TooLargeError):
        paint(random_image(80, 100), untrained, size=fits + 2)


def test_the_size_and_the_seed_of_the_noise(untrained, photo):
    assert paint("cat", untrained, size=20).shape[0] == 20
    assert (paint(photo, untrained) == paint(photo, untrained)).all()
    assert (paint(photo, untrained) != paint(photo, untrained, seed=1)).any()


def test_the_strength_is_the_logarithm_of_beta_within_its_range():
    values = [painting_strength(weight)[0, 0] for weight in (0, 5, 50, 500, 1e9)]
    assert values == pytest.approx([-1, -1, 0, 1, 1])
    with pytest.raises(ArgumentError, match="β"):
        painting_strength(-1)


def test_a_painter_that_was_saved_paints_the_same_but_for_rounding(untrained, saved, photo):
    assert saved.stat().st_size <= 500_000
    read = load_painter(saved)
    assert read.settings == untrained.settings
    difference = np.abs(paint(photo, read).astype(int) - paint(photo, untrained))
    assert difference.mean() < 2
    assert load_painter(read) is read


def test_a_painter_is_computed_with_the_normalization_that_is_given(saved, photo):
    called = []

    def normalize(maps, scale, offset):
        called.append(maps.shape)
        return instance_normalization(maps, scale, offset)

    painted = paint(photo, load_painter(saved, normalize))
    assert len(called) >= 13
    assert (painted == paint(photo, saved)).all()


def changed(path, change):
    about, arrays = read_arrays(path)
    change(about, arrays)
    write_arrays(path, about, arrays)


def replaced(path, name, data):
    with zipfile.ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in (files | {name: data(files[name])}).items():
            archive.writestr(entry, content)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b"PK" + bytes(5000)),
        lambda path: path.write_text("a painter"),
        # A weight that was changed, in an archive that is whole.
        lambda path: replaced(path, "07.npy", lambda data: data[:-2] + b"\x00\x3c"),
        lambda path: replaced(
            path, "about.npy", lambda data: data.replace(b"t\0\0\0r\0\0\0a", b"t\0\0\0r\0\0\0u")
        ),
        lambda path: changed(path, lambda about, arrays: arrays.pop("07")),
        lambda path: changed(path, lambda about, arrays: arrays.update({"99": np.zeros(3)})),
        lambda path: changed(path, lambda about, arrays: arrays.update({"07": arrays["07"][..., :-1]})),
        lambda path: changed(path, lambda about, arrays: arrays["00"].fill(np.nan)),
        lambda path: changed(path, lambda about, arrays: arrays.update({"00": np.full((), "text")})),
        lambda path: np.savez(path, about=np.array({"an": "object"}, dtype=object)),
        lambda path: np.savez(path, about=json.dumps({})),
        lambda path: np.savez_compressed(path, about="{}", zeros=np.zeros(10**7)),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(saved, tamper, one_sentence):
    tamper(saved)
    with pytest.raises(WeightsError) as error:
        load_painter(saved)
    one_sentence(error.value, saved.name)


def test_what_is_no_painter(tmp_path, untrained, one_sentence):
    with pytest.raises(MissingFileError, match="bundled are") as error:
        load_painter("rembrandt")
    one_sentence(error.value, "rembrandt")
    with pytest.raises(MissingFileError):
        load_painter(tmp_path)
    for wrong in (3, None, {}):
        with pytest.raises(ArgumentError):
            load_painter(wrong)
    with pytest.raises(ArgumentError, match=r"\.npz"):
        untrained.save(tmp_path / "painter.h5")
    with pytest.raises((OutputError, MissingFileError)):
        untrained.save(tmp_path / "nowhere" / "painter.npz")
