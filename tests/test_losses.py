import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers import (
    content_gradient,
    content_loss,
    gram_matrix,
    style_layer_gradient,
    style_layer_loss,
    style_loss,
    total_loss,
)
from helpers.terms import (
    check_masks,
    content_term,
    gram,
    mean_and_covariance,
    objective_from_sums,
    shifted_gram,
    style_sums,
    style_term,
    sums_of_terms,
    target_maps,
    weights_and_targets,
)


def feature_maps(generator, height=4, width=5, filters=6, scale=3.0):
    """Feature maps as a ReLU leaves them: about half of them zero."""
    values = generator.standard_normal((1, height, width, filters)) * scale
    return np.maximum(values, 0).astype(np.float32)


def total_and_losses(terms, features):
    sums = sums_of_terms(terms, features, target_maps(terms))
    return objective_from_sums(terms, sums, weights_and_targets(terms))


def as_matrix(features):
    """The paper's F: N rows, M columns."""
    return features[0].reshape(-1, features.shape[-1]).T.astype(np.float64)


def test_equation_1_is_half_the_sum_of_squared_differences(generator):
    features, target = feature_maps(generator), feature_maps(generator)
    expected = 0.5 * sum(
        (f - p) ** 2 for f, p in zip(as_matrix(features).flat, as_matrix(target).flat, strict=True)
    )
    assert float(content_loss(features, target)) == pytest.approx(expected, rel=1e-5)


def test_equation_3_sums_the_products_of_two_filters_over_positions(generator):
    features = feature_maps(generator)
    matrix = as_matrix(features)
    gram = np.array(gram_matrix(features))
    for i in range(6):
        for j in range(6):
            assert gram[i, j] == pytest.approx(
                sum(matrix[i, k] * matrix[j, k] for k in range(20)), rel=1e-5, abs=1e-4
            )


def test_the_gram_matrix_of_ones_is_the_number_of_positions():
    assert np.array(gram_matrix(np.ones((1, 3, 5, 4), np.float32))).tolist() == [[15.0] * 4] * 4


def test_the_gram_matrix_is_symmetric_and_positive_semi_definite(generator):
    gram = np.array(gram_matrix(feature_maps(generator)), dtype=np.float64)
    np.testing.assert_allclose(gram, gram.T, rtol=1e-6)
    assert np.linalg.eigvalsh(gram).min() > -1e-6 * gram.max()


def test_the_gram_matrix_does_not_know_where_a_feature_is(generator):
    features = feature_maps(generator)
    shuffled = generator.permutation(features.reshape(20, 6)).reshape(features.shape)
    np.testing.assert_allclose(gram_matrix(shuffled), gram_matrix(features), rtol=1e-5)


def test_equation_4_as_printed_where_the_sizes_agree(generator):
    features, target = feature_maps(generator), feature_maps(generator)
    gram, other = (as_matrix(maps) @ as_matrix(maps).T for maps in (features, target))
    expected = ((gram - other) ** 2).sum() / (4 * 6**2 * 20**2)
    assert float(style_layer_loss(features, target)) == pytest.approx(expected, rel=1e-5)


def test_equation_4_does_not_grow_with_the_picture(generator):
    features, target = feature_maps(generator), feature_maps(generator)
    expected = float(style_layer_loss(features, target))
    tiled = np.tile(features, (1, 3, 2, 1))
    assert float(style_layer_loss(tiled, target)) == pytest.approx(expected, rel=1e-5)
    assert float(style_layer_loss(features, np.tile(target, (1, 2, 5, 1)))) == pytest.approx(
        expected, rel=1e-5
    )


def test_equation_5_weights_the_layers(generator):
    features = {f"block{block}_conv1": feature_maps(generator) for block in (1, 2, 3)}
    targets = {layer: feature_maps(generator) for layer in features}
    losses = [float(style_layer_loss(features[layer], targets[layer])) for layer in features]
    assert float(style_loss(features, targets)) == pytest.approx(sum(losses) / 3, rel=1e-5)
    weights = {"conv3_1": 0.5, "conv1_1": 2.0, "conv2_1": 0.0}
    weighted = 2 * losses[0] + 0.5 * losses[2]
    assert float(style_loss(features, targets, weights)) == pytest.approx(weighted, rel=1e-5)


def test_equation_5_knows_the_papers_names(generator):
    maps, other = feature_maps(generator), feature_maps(generator)
    by_paper = style_loss({"conv4_1": maps}, {"conv4_1": other})
    by_keras = style_loss({"block4_conv1": maps}, {"block4_conv1": other})
    assert float(by_paper) == float(by_keras)


def test_equation_7_weights_content_and_style():
    assert total_loss(3.0, 5.0, 10.0, 0.5) == 10.0 * 3.0 + 0.5 * 5.0


def test_losses_and_gradients_vanish_at_the_target(generator):
    features = feature_maps(generator)
    assert float(content_loss(features, features)) == 0
    assert float(style_layer_loss(features, features)) == 0
    assert not np.array(content_gradient(features, features)).any()
    assert not np.array(style_layer_gradient(features, features)).any()


CASES = [
    pytest.param(content_loss, content_gradient, (4, 5), id="equations 1 and 2"),
    pytest.param(style_layer_loss, style_layer_gradient, (4, 5), id="equations 4 and 6"),
    pytest.param(style_layer_loss, style_layer_gradient, (7, 3), id="equations 4 and 6, unequal sizes"),
]


@pytest.mark.parametrize(("loss", "gradient", "target_size"), CASES)
def test_closed_form_gradients_are_those_of_automatic_differentiation(generator, loss, gradient, target_size):
    before_relu = tf.constant(generator.standard_normal((1, 4, 5, 6)) * 3, tf.float32)
    target = feature_maps(generator, *target_size)
    with tf.GradientTape() as tape:
        tape.watch(before_relu)
        features = tf.nn.relu(before_relu)
        value = loss(features, target)
    automatic = tape.gradient(value, before_relu).numpy()
    closed = np.array(gradient(features, target))
    np.testing.assert_allclose(closed, automatic, rtol=1e-4, atol=1e-5 * np.abs(automatic).max())


@pytest.mark.parametrize(("loss", "gradient", "target_size"), CASES)
def test_closed_form_gradients_are_those_of_finite_differences(generator, loss, gradient, target_size):
    # In float64, so that a difference of losses keeps its digits.
    before_relu = generator.standard_normal((1, 4, 5, 6)) * 3
    target = feature_maps(generator, *target_size).astype(np.float64)
    closed = np.array(gradient(np.maximum(before_relu, 0), target))
    step = 1e-5
    for index in [(0, 0, 0, 0), (0, 3, 4, 5), (0, 1, 2, 3), (0, 2, 2, 1), (0, 0, 3, 2)]:
        up, down = before_relu.copy(), before_relu.copy()
        up[index] += step
        down[index] -= step
        difference = float(loss(np.maximum(up, 0), target)) - float(loss(np.maximum(down, 0), target))
        assert closed[index] == pytest.approx(difference / (2 * step), rel=1e-4, abs=1e-7)


def test_the_gram_matrix_has_its_gradient_whatever_is_made_of_it(generator):
    features = tf.constant(feature_maps(generator))
    # Not symmetric, unlike the difference of two Gram matrices.
    weights = generator.standard_normal((6, 6)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = tf.reduce_sum(weights * gram_matrix(features))
    expected = (weights + weights.T) @ as_matrix(features.numpy())
    gradient = as_matrix(tape.gradient(value, features).numpy())
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


def test_where_a_feature_is_silent_both_gradients_are_zero(generator):
    features, target = feature_maps(generator), feature_maps(generator) + 1
    silent = features == 0
    assert silent.any()
    assert not np.array(content_gradient(features, target))[silent].any()
    assert not np.array(style_layer_gradient(features, target))[silent].any()


@pytest.mark.parametrize("function", [content_loss, content_gradient, style_layer_loss, style_layer_gradient])
def test_shapes_that_do_not_fit_are_named(generator, function):
    with pytest.raises(ValueError, match="7"):
        function(feature_maps(generator), feature_maps(generator, filters=7))


def test_feature_maps_without_the_batch_axis_are_named(generator):
    with pytest.raises(ValueError, match=r"\(1, h, w, N\)"):
        gram_matrix(feature_maps(generator)[0])


def test_style_layers_that_do_not_fit_are_named(generator):
    maps = feature_maps(generator)
    with pytest.raises(ValueError, match="block2_conv1"):
        style_loss({"conv1_1": maps}, {"conv2_1": maps})
    with pytest.raises(ValueError, match="block2_conv1"):
        style_loss({"conv1_1": maps}, {"conv1_1": maps}, {"conv2_1": 1.0})


def test_the_sum_of_a_content_and_a_style_term_is_equation_7(generator):
    features = {layer: feature_maps(generator) for layer in ("block4_conv2", "block1_conv1")}
    targets = {layer: feature_maps(generator) for layer in features}
    terms = [
        content_term(targets["block4_conv2"], "conv4_2", 2.0, per_entry=False),
        style_term({"conv1_1": targets["block1_conv1"]}, 30.0),
    ]
    total, losses = total_and_losses(terms, features)
    content = content_loss(features["block4_conv2"], targets["block4_conv2"])
    style = style_layer_loss(features["block1_conv1"], targets["block1_conv1"])
    assert float(losses["content"]) == pytest.approx(float(content), rel=1e-6)
    assert float(losses["style"]) == pytest.approx(float(style), rel=1e-6)
    assert float(total) == pytest.approx(float(total_loss(content, style, 2.0, 30.0)), rel=1e-6)


def test_content_per_entry_divides_equation_1_by_its_number_of_entries(generator):
    features, target = feature_maps(generator), feature_maps(generator)
    term = content_term(target, "conv4_2", 1.0, per_entry=True)
    expected = float(content_loss(features, target)) / (4 * 5 * 6)
    _, losses = total_and_losses([term], {"block4_conv2": features})
    assert float(losses["content"]) == pytest.approx(expected, rel=1e-6)


def test_losses_take_tensors_of_the_backend(generator):
    features = keras.ops.convert_to_tensor(feature_maps(generator))
    assert float(content_loss(features, features + 1)) == pytest.approx(60)


def test_losses_take_mixed_precisions_integers_and_lists(generator):
    features, target = feature_maps(generator), feature_maps(generator)
    expected = float(content_loss(features, target))
    assert float(content_loss(keras.ops.convert_to_tensor(features), target.astype(np.float64))) == expected
    assert float(style_layer_loss(features.astype(np.float64), target)) == pytest.approx(
        float(style_layer_loss(features, target)), rel=1e-5
    )
    assert np.array(gram_matrix(np.full((1, 2, 2, 1), 200, np.uint8))).tolist() == [[160000.0]]
    assert float(content_loss([[[[1, 2]]]], [[[[3, 5]]]])) == 6.5


def test_one_number_weighs_each_layer_beside_the_one_before_it(generator):
    layers = ("block3_conv1", "block1_conv1", "block2_conv1")
    features, targets = (
        {layer: generator.uniform(size=(1, 4, 5, 3)).astype(np.float32) for layer in layers} for _ in range(2)
    )
    by_name = {"block1_conv1": 4 / 7, "block2_conv1": 2 / 7, "block3_conv1": 1 / 7}
    assert float(style_loss(features, targets, 0.5)) == pytest.approx(
        float(style_loss(features, targets, by_name)), rel=1e-5
    )
    assert float(style_loss(features, targets, 1)) == pytest.approx(
        float(style_loss(features, targets)), rel=1e-5
    )


@pytest.mark.parametrize("masked", [False, True])
def test_the_statistics_of_a_style_are_those_of_its_positions(generator, masked):
    features = feature_maps(generator)
    matrix = as_matrix(features)
    mask = generator.uniform(0.2, 1, (1, 4, 5, 1)).astype(np.float32)
    weights = mask.ravel() / mask.sum() if masked else np.full(20, 1 / 20)
    sums = style_sums(features, mask if masked else None)
    mean = (weights * matrix).sum(axis=1)
    around = matrix - mean[:, np.newaxis]
    for statistic, expected in (
        (gram, weights * matrix @ matrix.T),
        (shifted_gram, weights * (matrix - 1) @ (matrix - 1).T),
        (mean_and_covariance, weights * around @ around.T),
    ):
        np.testing.assert_allclose(statistic(sums)["matrix"], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mean_and_covariance(sums)["mean"], mean, rtol=1e-5)


def test_a_mask_that_covers_nothing_is_refused_and_any_other_is_not():
    check_masks({"block1_conv1": np.full((1, 2, 2, 1), 1e-6, np.float32)})
    with pytest.raises(ValueError, match="covers nothing at the size of block2_conv1"):
        check_masks({"block2_conv1": np.zeros((1, 2, 2, 1), np.float32)})


@pytest.mark.parametrize("shape", [(0, 2, 2, 3), (2, 2, 2, 3), (2, 2, 3), (1, 1, 2, 2, 3)])
def test_feature_maps_of_another_shape_are_named(shape):
    with pytest.raises(ValueError, match=r"have the shape \(1, h, w, N\)"):
        style_sums(np.ones(shape, np.float32))
