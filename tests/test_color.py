"""Colors: closed forms, and what each way promises to leave as it is."""

import numpy as np
import pytest

from helpers import gray, load_image, luma, transfer
from helpers.color import colors_for, match_covariance, match_histogram, match_luma, with_colors_of
from helpers.options import merged

GENERATOR = np.random.default_rng(3)
PHOTO = GENERATOR.uniform(60, 160, (20, 30, 3)).astype(np.float32)
PAINTING = GENERATOR.uniform(20, 230, (17, 23, 3)).astype(np.float32) ** [1.0, 0.97, 0.94]
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def test_luma_of_plain_colors():
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 200, 200]]])
    assert luma(colors) == pytest.approx(np.array([[76.245, 149.685, 29.07, 200]]), rel=1e-5)
    assert np.allclose(gray(colors)[0, 3], 200)


def test_luma_gets_the_photos_mean_and_spread():
    matched = luma(match_luma(PAINTING, PHOTO))
    assert matched.mean() == pytest.approx(luma(PHOTO).mean(), rel=1e-4)
    assert matched.std() == pytest.approx(luma(PHOTO).std(), rel=1e-3)


def test_a_painting_of_one_color_takes_the_photos_mean():
    plain = np.full((4, 5, 3), 90.0)
    assert np.allclose(match_luma(plain, PHOTO), luma(PHOTO).mean(), atol=1e-3)
    assert np.allclose(match_covariance(plain, PHOTO), PHOTO.mean(axis=(0, 1)), atol=1e-3)


def test_shades_nearly_of_one_gray_are_spread_and_what_would_leave_the_range_is_cut_off():
    near = np.full((4, 6, 3), 100.0)
    near[:, ::2] += 0.5
    photo = np.zeros((4, 6, 3))
    photo[:, :3] = 255
    matched = match_luma(near, photo)
    assert (matched[:, ::2].min(), matched[:, 1::2].max()) == (
        pytest.approx(255, abs=0.01),
        pytest.approx(0, abs=0.01),
    )
    one_bright = np.full((1, 9, 3), 40.0)
    one_bright[0, 0] = 60
    shades = luma(match_luma(one_bright, photo))
    assert shades.max() == pytest.approx(255, abs=1e-3)
    assert np.ptp(shades[0, 1:]) == pytest.approx(0, abs=1e-3)


def test_the_luma_changes_and_the_chroma_does_not():
    photo = GENERATOR.uniform(0, 255, (40, 50, 3)).astype(np.float32)
    image = GENERATOR.uniform(0, 255, (40, 50, 3)).astype(np.float32)
    together = with_colors_of(image, photo)
    assert together.min() >= -1e-3
    assert together.max() <= 255 + 1e-3
    assert np.abs((together - photo) @ TO_YIQ.T)[..., 1:].max() < 0.2  # TO_YIQ has three digits.
    room = np.minimum(photo.min(axis=2), 255 - photo.max(axis=2))
    free = np.abs(luma(image) - luma(photo)) < room
    assert free.any()
    assert np.abs(luma(together) - luma(image))[free].max() < 1e-3


def test_colors_of_another_size_are_refused():
    with pytest.raises(ValueError, match="Shapes differ"):
        with_colors_of(PHOTO, PAINTING)


def test_mean_and_covariance_become_the_photos():
    matched = match_covariance(PAINTING, PHOTO).reshape(-1, 3)
    assert matched.mean(axis=0) == pytest.approx(PHOTO.reshape(-1, 3).mean(axis=0), rel=1e-4)
    assert np.cov(matched.T, bias=True) == pytest.approx(
        np.cov(PHOTO.reshape(-1, 3).T, bias=True), rel=1e-3, abs=0.5
    )


def test_matching_a_picture_with_itself_changes_nothing():
    assert np.abs(match_covariance(PHOTO, PHOTO) - PHOTO).max() < 0.01
    assert np.abs(match_histogram(PHOTO, PHOTO) - PHOTO).max() < 0.01


@pytest.mark.parametrize("shape", [(20, 30, 3), (17, 23, 3)])
def test_the_histogram_becomes_the_targets(shape):
    image = GENERATOR.uniform(0, 255, shape).astype(np.float32)
    matched = match_histogram(image, PHOTO)
    for channel in range(3):
        ranks = np.linspace(0.01, 0.99, 50)
        found, wanted = (np.quantile(each[..., channel], ranks) for each in (matched, PHOTO))
        assert found == pytest.approx(wanted, abs=1.0)


def test_pixels_of_one_value_stay_together_in_histogram_matching():
    image = np.repeat(np.array([[10, 10, 40, 200]], np.float32)[..., np.newaxis], 3, axis=2)
    matched = match_histogram(image, PHOTO)
    assert (matched[0, 0] == matched[0, 1]).all()
    assert (np.diff(matched[0, 1:, 0]) > 0).all()


def test_an_unknown_way_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'luma', 'covariance' or 'histogram', not 'sepia'"):
        colors_for("sepia", PHOTO, PAINTING)


def test_a_luma_transfer_keeps_the_chroma_of_the_photo():
    photo = load_image("cat", 48)
    seen = []
    result = transfer(
        photo,
        "great_wave",
        **merged(
            {
                "steps": 4,
                "colors": "luma",
                "weights": "bundled",
                "precision": "float32",
                "progress": False,
                "callback": lambda record, image: seen.append(image()),
            }
        ),
    )
    for image in (result.image, seen[-1]):
        change = (image.astype(np.float32) - photo) @ TO_YIQ.T
        assert np.abs(change[..., 1:]).max() < 1  # Rounding to whole gray levels.
    assert np.abs(luma(result.image) - luma(photo)).mean() > 0.2


@pytest.mark.parametrize("colors", ["covariance", "histogram"])
def test_a_recolored_painting_is_what_the_transfer_sees(colors):
    photo, painting = load_image("cat", 48), load_image("great_wave", 48)
    _, recolored = colors_for(colors, photo, painting)
    arguments = {"steps": 3, "weights": "bundled", "precision": "float32", "progress": False}
    found = transfer(photo, painting, **merged({"colors": colors}, arguments))
    by_hand = transfer(photo, recolored, **merged(arguments))
    assert np.abs(found.image.astype(int) - by_hand.image).max() <= 1
