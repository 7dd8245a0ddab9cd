"""The terms beside content and style: closed forms, gradients, and how a new one is added."""

import numpy as np
import pytest
from keras.ops import convert_to_numpy as numbers

from helpers import PIXELS, Term, change_term, load_image, objective, preprocess, total_variation, transfer
from helpers.compute.framework import keras
from helpers.engine.tiling import Evaluator, Tiling
from helpers.errors import ArgumentError
from helpers.layers import STYLE_LAYERS
from helpers.options import merged
from helpers.terms import (
    STATISTICS,
    Scene,
    Sums,
    build_terms,
    histogram_loss,
    histogram_term,
    masks_at,
    quantiles_of,
    style_sums,
    style_term,
    total_variation_term,
)
from helpers.vgg import FeatureExtractor

NETWORK = FeatureExtractor("random", "avg", False, "float32", direct=True)
GENERATOR = np.random.default_rng(5)
FEATURES = GENERATOR.exponential(size=(1, 6, 7, 4)).astype(np.float32)


def scene(photo="cat", *paintings, size=48):
    return Scene(
        preprocess(load_image(photo, size)),
        tuple(preprocess(load_image(each, size)) for each in paintings),
        lambda pixels, layers: Evaluator(NETWORK).feature_maps(pixels, layers),
    )


def slope_and_difference(evaluate, pixels, step=0.1):
    """The slope of the loss along its gradient, and the central difference over ``step`` gray levels."""
    gradient = numbers(evaluate(pixels)[1])
    direction = gradient / np.sqrt(np.mean(gradient**2))
    ends = [evaluate((pixels + sign * step * direction).astype(np.float32))[0]["total"] for sign in (1, -1)]
    return float((gradient * direction).sum()), (ends[0] - ends[1]) / (2 * step)


def test_total_variation_of_a_ramp_and_of_a_plain_picture():
    ramp = np.tile(np.arange(5, dtype=np.float32)[:, None, None], (1, 4, 3))[None]
    assert float(total_variation(ramp)) == pytest.approx(4 * 4 * 3 / (5 * 4 * 3))
    assert float(total_variation(np.full((1, 5, 4, 3), 7.0, np.float32))) == 0


def test_total_variation_is_in_the_loss_as_in_the_gradient():
    pixels = preprocess(GENERATOR.uniform(0, 255, (9, 11, 3)))
    evaluate = objective([total_variation_term(0.3, scene())], *NETWORK)
    losses, _ = evaluate(pixels)
    image = pixels[0]
    by_hand = ((image[1:] - image[:-1]) ** 2).sum() + ((image[:, 1:] - image[:, :-1]) ** 2).sum()
    assert losses["total"] == pytest.approx(0.3 * by_hand / image.size, rel=1e-5)
    slope, difference = slope_and_difference(evaluate, pixels)
    assert slope == pytest.approx(difference, rel=1e-3)


def test_terms_over_pixels_go_with_tiles(apart):
    pixels = preprocess(load_image("cat", 70))
    target = Evaluator(NETWORK).feature_maps(preprocess(load_image("great_wave", 64)), STYLE_LAYERS)
    terms = [total_variation_term(0.01, scene()), style_term(target, 1.0)]
    (whole, gradient), (tiled, by_tiles) = (
        objective(terms, *NETWORK, tiling=tiling)(pixels) for tiling in (None, Tiling(32))
    )
    assert whole == pytest.approx(tiled, rel=1e-4)
    assert apart(by_tiles, gradient) < 1e-4


def test_the_histogram_loss_of_the_same_histogram_is_zero():
    shuffled = FEATURES.reshape(-1, 4)[GENERATOR.permutation(42)].reshape(FEATURES.shape)
    assert float(histogram_loss(shuffled, quantiles_of(FEATURES, 42))) == pytest.approx(0, abs=1e-10)


def test_the_histogram_loss_is_that_of_matched_activations():
    target = GENERATOR.exponential(size=(1, 8, 9, 4)).astype(np.float32)
    quantiles = quantiles_of(target, 42)
    maps = FEATURES.reshape(-1, 4)
    ranks = maps.argsort(axis=0).argsort(axis=0)
    matched = np.take_along_axis(quantiles, ranks, axis=0)
    assert float(histogram_loss(FEATURES, quantiles)) == pytest.approx(
        ((maps - matched) ** 2).mean(), rel=1e-5
    )


def test_quantiles_of_another_number_of_positions():
    ramp = np.arange(100, dtype=np.float32).reshape(1, 10, 10, 1)
    assert quantiles_of(ramp, 4)[:, 0] == pytest.approx([12, 37, 62, 87], abs=0.51)


def test_the_histogram_term_pulls_towards_the_painting():
    at = scene("cat", "great_wave")
    evaluate = objective([histogram_term(1.0, at)], *NETWORK)
    losses, gradient = evaluate(at.content)
    step = numbers(gradient)
    step *= 5 / np.abs(step).max()
    assert evaluate((at.content - step).astype(np.float32))[0]["total"] < losses["total"]


def test_the_change_is_counted_only_where_it_can_be_known():
    before, now = np.zeros((1, 4, 5, 3), np.float32), np.full((1, 4, 5, 3), 3.0, np.float32)
    seen = np.zeros((4, 5))
    assert objective([change_term(2.0, before)], *NETWORK)(now)[0]["total"] == pytest.approx(2 * 9)
    assert objective([change_term(2.0, now)], *NETWORK)(now)[0]["total"] == 0
    assert objective([change_term(2.0, before, seen)], *NETWORK)(now)[0]["total"] == 0
    seen[0, 0] = 1
    assert objective([change_term(2.0, before, seen)], *NETWORK)(now)[0]["total"] == pytest.approx(2 * 9 / 20)


def test_statistics_in_closed_form():
    maps = FEATURES.reshape(-1, 4).astype(np.float64)
    found = {name: statistic(style_sums(FEATURES)) for name, statistic in STATISTICS.items()}
    assert numbers(found["gram"]["matrix"]) == pytest.approx(maps.T @ maps / 42, rel=1e-4)
    assert numbers(found["shifted gram"]["matrix"]) == pytest.approx(
        (maps - 1).T @ (maps - 1) / 42, rel=1e-3, abs=1e-4
    )
    both = found["mean and covariance"]
    assert numbers(both["mean"]) == pytest.approx(maps.mean(axis=0), rel=1e-5)
    assert numbers(both["matrix"]) == pytest.approx(np.cov(maps.T, bias=True), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic_is_zero_at_its_target_and_has_its_gradient(statistic):
    photo, painting = preprocess(load_image("cat", 48)), preprocess(load_image("great_wave", 48))
    term = style_term(Evaluator(NETWORK).feature_maps(painting, STYLE_LAYERS), 1.0, statistic=statistic)
    evaluate = objective([term], *NETWORK)
    at_photo = evaluate(photo)[0]["total"]
    assert evaluate(painting)[0]["total"] < 1e-4 * at_photo
    slope, difference = slope_and_difference(evaluate, photo)
    assert slope == pytest.approx(difference, rel=0.02)


def test_a_mask_of_ones_is_no_mask():
    photo = preprocess(load_image("cat", 50))
    target = Evaluator(NETWORK).feature_maps(preprocess(load_image("great_wave", 48)), STYLE_LAYERS)
    ones = masks_at(np.ones(photo.shape[1:3]), STYLE_LAYERS)
    plain, masked = (
        objective([style_term(target, 1.0, masks=masks)], *NETWORK)(photo) for masks in (None, ones)
    )
    assert masked[0]["total"] == pytest.approx(plain[0]["total"], rel=1e-5)
    assert np.abs(numbers(masked[1]) - numbers(plain[1])).max() < 1e-4 * np.abs(numbers(plain[1])).max()


def test_the_gram_matrix_of_a_region_is_that_of_the_region_cut_out():
    mask = np.zeros((6, 7), np.float32)
    mask[:, 2:5] = 1
    of_region = style_sums(FEATURES, mask[None, :, :, None])
    cut_out = style_sums(FEATURES[:, :, 2:5])
    for name, sums in cut_out.items():
        assert numbers(of_region[name]) == pytest.approx(numbers(sums), rel=1e-5)


def test_masks_have_the_size_of_every_layer():
    mask = GENERATOR.uniform(size=(37, 51))
    layers = ("block1_conv1", "block3_conv1", "block4_pool")
    maps = Evaluator(NETWORK).feature_maps(preprocess(GENERATOR.uniform(0, 255, (37, 51, 3))), layers)
    for layer, small in masks_at(mask, layers).items():
        assert tuple(small.shape) == (*maps[layer].shape[:3], 1)
    assert numbers(masks_at(mask, ["block3_conv1"])["block3_conv1"])[0, 0, 0, 0] == pytest.approx(
        mask[:4, :4].mean(), rel=1e-5
    )


def test_an_empty_mask_is_refused():
    target = Evaluator(NETWORK).feature_maps(preprocess(load_image("great_wave", 48)), STYLE_LAYERS)
    with pytest.raises(ValueError, match="covers nothing"):
        style_term(target, 1.0, masks=masks_at(np.zeros((48, 48)), STYLE_LAYERS))


def test_a_term_of_ones_own_takes_two_lines():
    def brightness(features, _):
        return -keras.ops.mean(features[PIXELS])

    arguments = {"steps": 3, "weights": "bundled", "progress": False}
    terms = {"brightness": Term("brightness", 50.0, (PIXELS,), brightness)}
    plain = transfer(load_image("cat", 48), "great_wave", **merged(arguments))
    brighter = transfer(load_image("cat", 48), "great_wave", **merged({"terms": terms}, arguments))
    assert brighter.image.mean() > plain.image.mean() + 1
    assert "brightness" in brighter.history[-1]


@pytest.mark.parametrize("tiling", [None, Tiling(32, "block2_pool")])
def test_a_term_reads_the_layers_by_the_names_it_was_given(tiling):
    def loss(features, _):
        return sum(keras.ops.mean(features[name]) for name in ("conv1_1", "block3_conv1"))

    term = Term("mine", 1.0, ("conv1_1", "block3_conv1"), loss)
    if tiling:
        mean = Sums(lambda features, _: keras.ops.mean(features))
        term = Term("mine", 1.0, ("conv1_1",), lambda sums, _: sums["conv1_1"], sums=mean)
    losses, gradient = objective([term], *NETWORK, tiling=tiling)(preprocess(load_image("cat", 48)))
    assert losses["mine"] > 0
    assert np.abs(numbers(gradient)).max() > 0


def test_a_function_that_makes_a_term_gets_features_by_the_names_it_gives():
    def mine(scene):
        target = scene.features(scene.styles[0], ("conv3_1",))["conv3_1"]
        mean = keras.ops.mean(target)
        return Term("mine", 0.1, ("conv3_1",), lambda f, t: (keras.ops.mean(f["conv3_1"]) - t) ** 2, mean)

    result = transfer(load_image("cat", 48), "great_wave", terms={"mine": mine}, **TINY)
    assert result.history[-1]["mine"] >= 0


TINY = merged({"steps": 2, "weights": "random", "progress": False, "precision": "float32"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            Term("m", 1.0, ("conv1_1",), lambda f, _: f["conv1_1"]),
            "is a number; its function returns an array",
        ),
        (Term("m", 1.0, ("conv1_1",), lambda f, _: None), "is a number; its function returns nothing"),
        (Term("m", 1.0, "conv1_1", lambda f, _: 0.0), "layers of the term m are a tuple of names"),
        (Term("m", 1.0, (), lambda f, _: 0.0), "layers of the term m are a tuple of names"),
        (Term("m", 1.0, ("conv9_1",), lambda f, _: 0.0), "VGG19 has no layer 'conv9_1'"),
        (Term("m", "much", ("conv1_1",), lambda f, _: 0.0), "weight of the term m is a number, not 'much'"),
        (
            Term("m", float("nan"), ("conv1_1",), lambda f, _: 0.0),
            "weight of the term m is a number, not nan",
        ),
        (Term("m", 1.0, ("conv1_1",), 5.0), "loss of the term m is a function, not 5.0"),
        (lambda features, _: 0.0, "takes a Scene and returns a Term"),
        (lambda scene: 0.0, "A term is a Term"),
    ],
)
def test_a_term_that_is_none_is_named_in_a_sentence(given, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        transfer(load_image("cat", 48), "great_wave", terms={"m": given}, **TINY)
    with pytest.raises(ArgumentError, match=sentence if isinstance(given, Term) else "A term is a Term"):
        objective([given], *NETWORK)(preprocess(load_image("cat", 48)))


def test_terms_by_name_and_by_function():
    at = scene("cat", "great_wave")
    built = build_terms(
        {"total variation": 0.1, "histogram": 0, "own": lambda s: change_term(1.0, s.content)}, at
    )
    assert [term.name for term in built] == ["total variation", "own"]
    with pytest.raises(ValueError, match="A further term is 'total variation' or 'histogram', not 'smooth'"):
        build_terms({"smooth": 1.0}, at)
