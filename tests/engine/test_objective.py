"""An evaluation tile by tile is the evaluation of the whole picture, to the rounding of float32."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numbers

from helpers import PIXELS, STYLE_LAYERS, Tiling, load_image, objective, preprocess
from helpers.engine import tiling as tiling_module
from helpers.engine.tiling import Evaluator
from helpers.layers import LAYERS, receptive_field_margin, stride
from helpers.losses import gram_per_position
from helpers.terms import Sums, Term, content_term, masks_at, style_term
from helpers.vgg import FeatureExtractor, feature_model

PLAIN = FeatureExtractor("bundled", "avg", False, "float32")
NORMALIZED = FeatureExtractor("bundled", "avg", True, "float32")


def noisy(seed):
    """Pixels of a size that no stride divides."""
    noise = np.random.default_rng(seed).normal(0, 12, (1, 75, 109, 3))
    picture = preprocess(load_image("temple", size=75))[:, :, :109]
    return (picture + noise).astype(np.float32)


@pytest.fixture(scope="module")
def pixels():
    return noisy(2)


@pytest.fixture(scope="module")
def painting():
    return preprocess(load_image("great_wave", size=60))


def region(features, mask):
    positions = keras.ops.reshape(features, (-1, features.shape[-1]))
    weights = keras.ops.reshape(mask, (-1, 1))
    gram = keras.ops.matmul(keras.ops.transpose(positions), weights * positions)
    return {"gram": gram, "area": keras.ops.sum(mask)}


def region_loss(sums, targets):
    return sum(keras.ops.mean(keras.ops.square(part["gram"] / part["area"])) for part in sums.values())


def terms_of(network, pixels, painting):
    photo = Evaluator(network).feature_maps(pixels[:, ::-1] * 0.8, ["conv4_2"])["block4_conv2"]
    mask = np.random.default_rng(3).uniform(size=(1, 75 // 4, 109 // 4, 1)).astype(np.float32)
    return [
        content_term(photo, "conv4_2", 1.0, per_entry=True),
        style_term(Evaluator(network).feature_maps(painting, STYLE_LAYERS), 50.0),
        Term("region", 1e-6, ("block3_conv2",), region_loss, sums=Sums(region, {"block3_conv2": mask})),
    ]


TILINGS = [Tiling(40), Tiling(32, "pool1"), Tiling(40, "block3_pool"), Tiling(32, "block5_pool")]
MORE_TILINGS = [Tiling(1000), Tiling(64, "block2_pool"), Tiling(48, "block4_pool"), Tiling(48, "conv3_1")]


@pytest.fixture(
    scope="module",
    params=[
        PLAIN._replace(direct=True),
        pytest.param(PLAIN, marks=pytest.mark.slow),
        pytest.param(NORMALIZED, marks=pytest.mark.slow),
    ],
    ids=["direct", "plain", "normalized"],
)
def terms_and_network(request, pixels, painting):
    return terms_of(request.param, pixels, painting), request.param


@pytest.mark.parametrize(
    "tiling", [*TILINGS, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE_TILINGS)], ids=str
)
def test_loss_and_gradient_do_not_know_of_tiles(terms_and_network, tiling, apart):
    terms, network = terms_and_network
    whole, tiled = objective(terms, *network), objective(terms, *network, tiling=tiling)
    # Where the input of a ReLU is 0 to the last bits, rounding decides whether its gradient is 0 or 1. Such
    # a place differs from processor to processor; a fault of the tiles is there at every noise.
    for seed in (2, 3, 4):
        pixels = noisy(seed)
        (losses, gradient), (by_tiles, tiled_gradient) = whole(pixels), tiled(pixels)
        assert set(losses) == {"total", "content", "style", "region"}
        assert all(value > 0 for value in losses.values())
        for name, value in losses.items():
            assert by_tiles[name] == pytest.approx(value, rel=2e-6), name
        difference = np.abs(numbers(tiled_gradient) - numbers(gradient)).max()
        if apart(tiled_gradient, gradient) < 1e-5 and difference < 1e-5 * np.abs(numbers(gradient)).max():
            return
    pytest.fail(f"the gradients differ by {difference}")


@pytest.mark.parametrize(
    ("layer", "direct"),
    [
        *((layer, True) for layer in LAYERS),
        ("block4_conv1", False),
        *(pytest.param(layer, False, marks=pytest.mark.slow) for layer in LAYERS if layer != "block4_conv1"),
    ],
)
def test_feature_maps_do_not_know_of_tiles(pixels, layer, direct, apart):
    network = PLAIN._replace(direct=direct)
    whole = feature_model(layer, *network)(pixels)[layer]
    tiled = Evaluator(network, Tiling(37)).feature_maps(pixels, [layer])[layer]
    assert tuple(whole.shape) == tuple(tiled.shape)
    assert apart(tiled, whole) < 1e-5


def test_a_position_sees_its_margin_and_nothing_beyond(pixels):
    random = ("random", "avg", False, "float32")
    for layer in ("block2_conv1", "block3_pool", "block4_conv1"):
        step, margin = stride(layer), receptive_field_margin(layer)
        model = feature_model(layer, *random, direct=True)
        row, column = 75 // step // 2, 109 // step // 2
        top, left = row * step, column * step
        height, width = pixels.shape[1:3]
        rows, columns = np.arange(height), np.arange(width)
        beyond = (rows < top - margin) | (rows >= top + step + margin)
        beyond = beyond[:, np.newaxis] | (columns < left - margin) | (columns >= left + step + margin)
        edge = (rows == top - margin)[:, np.newaxis] & (columns == left - margin)
        before = numbers(model(pixels)[layer])[0, row, column]
        for changed, same in ((beyond, True), (edge, False)):
            if changed.any():
                other = pixels + 200 * changed[..., np.newaxis].astype(np.float32)
                assert (numbers(model(other)[layer])[0, row, column] == before).all() == same, layer


def test_styles_whole_and_by_tiles(painting, apart):
    layers = ["block1_conv1", "block4_conv1"]
    maps = feature_model(layers, *PLAIN)(painting)
    for tiling in (None, Tiling(33)):
        found = Evaluator(PLAIN, tiling).style_sums(painting, layers)
        for layer in layers:
            mean = numbers(maps[layer]).mean(axis=(0, 1, 2))
            positions = float(found[layer]["positions"])
            assert apart(found[layer]["gram"] / positions, gram_per_position(maps[layer])) < 1e-5
            assert apart(found[layer]["sum"] / positions, mean) < 1e-5


def test_the_style_of_a_part_whole_and_by_tiles(painting, apart):
    layers = ["block1_conv1", "block4_conv1"]
    maps = feature_model(layers, *PLAIN)(painting)
    part = np.random.default_rng(5).uniform(size=painting.shape[1:3])
    masks = masks_at(part, layers)
    for tiling in (None, Tiling(33)):
        found = Evaluator(PLAIN, tiling).style_sums(painting, layers, masks)
        for layer in layers:
            rows = numbers(maps[layer]).reshape(-1, maps[layer].shape[-1])
            counted = numbers(masks[layer]).reshape(-1, 1)
            assert apart(found[layer]["gram"], rows.T @ (counted * rows)) < 1e-5
            assert float(found[layer]["positions"]) == pytest.approx(counted.sum(), rel=1e-5)


def test_a_style_term_takes_styles_as_well_as_feature_maps(pixels, painting):
    maps = feature_model(STYLE_LAYERS, *PLAIN)(painting)
    sums = Evaluator(PLAIN).style_sums(painting, STYLE_LAYERS)
    from_maps, from_sums = (objective([style_term(given, 3.0)], *PLAIN)(pixels) for given in (maps, sums))
    assert from_sums[0]["total"] == pytest.approx(from_maps[0]["total"], rel=1e-5)


def test_a_term_that_needs_the_whole_picture_is_not_tiled(pixels):
    term = Term(
        "upper half", 1.0, ("block2_conv1",), lambda maps, targets: keras.ops.sum(maps["block2_conv1"])
    )
    losses, _ = objective([term], *PLAIN)(pixels)
    assert losses["total"] == pytest.approx(
        numbers(feature_model("conv2_1", *PLAIN)(pixels)["conv2_1"]).sum()
    )
    with pytest.raises(ValueError, match="upper half needs the whole picture"):
        objective([term], *PLAIN, tiling=Tiling(64))


def test_bfloat16_is_near_float32(pixels, painting, apart):
    terms = terms_of(PLAIN, pixels, painting)
    losses, gradient = objective(terms, *PLAIN)(pixels)
    rounded, rounded_gradient = objective(terms, *PLAIN._replace(precision="bfloat16"))(pixels)
    for name, value in losses.items():
        assert rounded[name] == pytest.approx(value, rel=0.02)
        assert rounded[name] != value
    assert numbers(rounded_gradient).dtype == np.float32
    assert apart(rounded_gradient, gradient) < 0.1


@pytest.mark.parametrize("deepest", ["block1_conv1", "block2_pool", "block5_conv1"])
@pytest.mark.parametrize("side", [16, 40])
def test_the_parts_of_the_tiles_are_the_whole(side, deepest):
    step, margin = stride(deepest), receptive_field_margin(deepest)
    for length in (step, step + 1, 3 * step - 1, 75, 200):
        spans = tiling_module._spans(length, side, deepest)
        cores = [core for core, _, _ in spans]
        assert [begin for begin, _ in cores] == [0, *(end for _, end in cores[:-1])]
        assert cores[-1][1] == length
        for core, (begin, end), within in spans:
            assert core[0] % step == 0
            assert (core[1] - core[0]) // step >= 1
            assert begin == 0 or begin <= core[0] - margin
            assert end == length or end >= core[1] + margin
            assert within == (core[0] - begin, core[1] - begin)
        assert max(end - begin for begin, end in cores) <= side + 2 * step


def test_a_term_over_pixels_is_added_to_those_of_the_tiles(pixels):
    over_pixels = Term("light", 3.0, (PIXELS,), lambda maps, targets: keras.ops.mean(maps[PIXELS]))
    over_maps = style_term(Evaluator(PLAIN).style_sums(pixels[:, ::-1], ["conv1_1"]), 1.0)
    for terms in ([over_pixels, over_maps], [over_maps, over_pixels]):
        losses, _ = objective(terms, *PLAIN, tiling=Tiling(64))(pixels)
        assert list(losses) == ["total", *(term.name for term in terms)]
        assert losses["light"] == pytest.approx(pixels.mean(), rel=1e-4)
        assert losses["total"] == pytest.approx(losses["style"] + 3 * losses["light"], rel=1e-5)
