"""Winograd's convolution against its formula by hand and against the kernel that slides."""

import numpy as np
import pytest

from helpers.compute.framework import compiled, device, keras, value_and_gradient
from helpers.compute.winograd import SCHEMES, WinogradConvolution, convolve, transformed_kernel, transforms

ops = keras.ops
POINTS = [scheme.points for scheme in SCHEMES.values()]
# A GPU rounds the factors of a convolution in float32 to 10 bits.
NEAR = {"float32": 1e-5 if device() == "cpu" else 1e-3, "bfloat16": 1e-2}


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def slid(maps, kernel):
    return ops.conv(maps, kernel, padding="same")


@pytest.mark.parametrize("points", [*POINTS, (0.0, 1.0, -1.0, 2.0, -2.0), (0.5, 3.0)])
def test_a_row_is_the_kernel_slid_over_it(points):
    into, kernel, back = transforms(points)
    m, t = back.shape
    assert (into.shape, kernel.shape, m) == ((t, t), (t, 3), t - 2)
    d, g = (np.random.default_rng(1).standard_normal(length) for length in (t, 3))
    np.testing.assert_allclose(back @ ((kernel @ g) * (into @ d)), np.correlate(d, g), rtol=1e-9, atol=1e-9)


def test_for_two_results_the_matrices_are_those_of_the_literature():
    # Lavin and Gray (2016), equation (7), their signs moved from one matrix to another.
    into, kernel, back = transforms((0.0, 1.0, -1.0))
    assert (np.abs(into) == np.abs([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])).all()
    assert (np.abs(kernel) == [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]]).all()
    assert (np.abs(back) == [[1, 1, 1, 0], [0, 1, 1, 1]]).all()


@pytest.mark.parametrize("points", POINTS)
def test_a_square_by_the_formula_of_the_module(points):
    into, kernel, back = transforms(points)
    t, m = len(into), len(back)
    d, g = np.random.default_rng(2).standard_normal((t, t)), np.random.default_rng(3).standard_normal((3, 3))
    results = back @ ((kernel @ g @ kernel.T) * (into @ d @ into.T)) @ back.T
    wanted = [[(d[i : i + 3, j : j + 3] * g).sum() for j in range(m)] for i in range(m)]
    np.testing.assert_allclose(results, wanted, rtol=1e-9, atol=1e-9)
    of_layer = transformed_kernel(g[..., np.newaxis, np.newaxis].astype(np.float32), points)
    np.testing.assert_allclose(of_layer[..., 0, 0], kernel @ g @ kernel.T, rtol=1e-5)


@pytest.mark.parametrize("precision", SCHEMES)
@pytest.mark.parametrize("shape", [(1, 8, 12), (1, 1, 1), (1, 3, 2), (1, 13, 7)])
def test_maps_of_every_size_and_their_gradient(precision, shape, apart, rounding):
    points = SCHEMES[precision].points
    maps, kernel = random(*shape, 16), random(3, 3, 16, 24, seed=1)
    slopes = ops.convert_to_tensor(random(*shape, 24, seed=2))
    transformed = ops.cast(transformed_kernel(kernel, points), precision)

    def weighted(convolution):
        def total(maps):
            results = convolution(maps)
            return ops.sum(ops.cast(results, "float32") * slopes), results

        return compiled(value_and_gradient(total))

    (_, wanted), gradient = weighted(lambda maps: slid(maps, kernel))(ops.convert_to_tensor(maps))
    (_, found), found_gradient = weighted(
        lambda maps: convolve(ops.cast(maps, precision), transformed, points)
    )(ops.convert_to_tensor(maps))
    assert apart(found, wanted) < NEAR[precision] * rounding(precision)
    assert apart(found_gradient, gradient) < NEAR[precision] * rounding(precision)


def test_the_layer_is_that_of_keras(apart):
    maps, kernel, bias = random(1, 10, 11, 8), random(3, 3, 8, 6, seed=1), random(6, seed=2)
    theirs = keras.layers.Conv2D(6, 3, padding="same", activation="relu")
    ours = WinogradConvolution(6, POINTS[0])
    for layer, weights in ((theirs, kernel), (ours, transformed_kernel(kernel, POINTS[0]))):
        layer.build(maps.shape)
        layer.set_weights((weights, bias))
    found = ours(maps)
    assert apart(found, theirs(maps)) < NEAR["float32"]
    assert tuple(found.shape) == ours.compute_output_shape(maps.shape) == (1, 10, 11, 6)
    assert float(ops.min(found)) == 0


@pytest.mark.skipif(device() == "gpu", reason="a GPU rounds the factors more than the points do")
def test_the_points_round_less_than_small_whole_numbers(apart):
    maps, kernel = np.maximum(random(1, 32, 32, 256), 0), random(3, 3, 256, 32, seed=1)
    wanted = slid(maps, kernel)
    errors = [
        apart(convolve(ops.convert_to_tensor(maps), transformed_kernel(kernel, points), points), wanted)
        for points in (SCHEMES["float32"].points, (0.0, 1.0, -1.0, 2.0, -2.0))
    ]
    assert errors[0] < 0.75 * errors[1]
