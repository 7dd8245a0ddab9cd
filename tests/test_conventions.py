"""Printed weights: what the arguments minimize is what the paper or program would have computed."""

import numpy as np
import pytest

from helpers import CONVENTIONS, as_printed
from helpers.compute.framework import keras
from helpers.terms import (
    content_term,
    objective_from_sums,
    style_term,
    sums_of_terms,
    target_maps,
    weights_and_targets,
)

GENERATOR = np.random.default_rng(11)
SIZES = {1: (64, 32), 2: (128, 16), 3: (256, 8), 4: (512, 4), 5: (512, 2)}  # block: filters, side


def maps(layer):
    filters, side = SIZES[int(layer[len("block")])]
    return GENERATOR.exponential(size=(1, side, side, filters)).astype(np.float32)


def total(arguments, image, photo, painting):
    layer = arguments["content_layer"]
    content = content_term(
        photo[layer], layer, arguments["content_weight"], per_entry=arguments["losses"].content_per_entry
    )
    targets = {layer: painting[layer] for layer in arguments["style_layers"]}
    style = style_term(targets, arguments["style_weight"], arguments["losses"].layer_weights)
    terms = [content, style]
    sums = sums_of_terms(terms, image, target_maps(terms))
    total, _ = objective_from_sums(terms, sums, weights_and_targets(terms))
    return float(keras.ops.convert_to_numpy(total))


def gram(features):
    matrix = features.reshape(-1, features.shape[-1]).astype(np.float64)
    return matrix.T @ matrix, len(matrix)


def gatys_2015(image, photo, painting, content_layer, layers, alpha, beta):
    content = ((image[content_layer] - photo[content_layer]) ** 2).sum() / 2
    style = 0
    for layer in layers:
        (g, m), (a, _) = gram(image[layer]), gram(painting[layer])
        style += ((g - a) ** 2).sum() / (4 * len(g) ** 2 * m**2) / len(layers)
    return alpha * content + beta * style


def gatys_pytorch(image, photo, painting, content_layer, layers, alpha, beta):
    style = 0
    for layer in layers:
        (g, m), (a, _) = gram(image[layer]), gram(painting[layer])
        style += beta / len(g) ** 2 * ((g / m - a / m) ** 2).mean()
    return alpha * ((image[content_layer] - photo[content_layer]) ** 2).mean() + style


def johnson(image, photo, painting, content_layer, layers, alpha, beta):
    style = 0
    for layer in layers:
        (g, m), (a, _) = gram(image[layer]), gram(painting[layer])
        style += ((g / (m * len(g)) - a / (m * len(a))) ** 2).mean()
    return alpha * ((image[content_layer] - photo[content_layer]) ** 2).mean() + beta * style


def tensorflow_tutorial(image, photo, painting, content_layer, layers, alpha, beta):
    style = 0
    for layer in layers:
        (g, m), (a, _) = gram(image[layer]), gram(painting[layer])
        style += ((g / m - a / m) ** 2).mean() / len(layers)
    return alpha * ((image[content_layer] - photo[content_layer]) ** 2).mean() + beta * style


def keras_example(image, photo, painting, content_layer, layers, alpha, beta):
    style = 0
    for layer in layers:
        (g, _), (a, _) = gram(image[layer]), gram(painting[layer])
        style += ((g - a) ** 2).sum() / (4 * 3**2 * (32 * 32) ** 2) / len(layers)
    return alpha * ((image[content_layer] - photo[content_layer]) ** 2).sum() + beta * style


PROGRAMS = {
    "gatys 2015": gatys_2015,
    "gatys pytorch": gatys_pytorch,
    "johnson": johnson,
    "pytorch tutorial": johnson,
    "tensorflow tutorial": tensorflow_tutorial,
    "keras example": keras_example,
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_arguments_minimize_what_the_program_does(name):
    arguments = as_printed(name, 3.0, 700.0)
    content_layer, layers = arguments["content_layer"], arguments["style_layers"]
    image, photo, painting = ({layer: maps(layer) for layer in {content_layer, *layers}} for _ in range(3))
    wanted = PROGRAMS[name](image, photo, painting, content_layer, layers, 3.0, 700.0)
    assert total(arguments, image, photo, painting) == pytest.approx(wanted, rel=1e-4)


def test_by_default_the_weights_are_the_printed_ones():
    assert as_printed("johnson") == as_printed("johnson", 5.0, 100.0)
    assert as_printed("gatys 2015")["style_weight"] == 1000


def test_an_unknown_convention_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"A convention is 'gatys 2015', .*, not 'picasso'"):
        as_printed("picasso")
