"""Evaluation tile by tile, for images whose evaluation as a whole takes too much memory."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import compiled, keras, value_and_gradient
from helpers.compute.winograd import LARGEST_OUTPUT_PATCH
from helpers.layers import layer_name, layer_names, layers_up_to, receptive_field_margin, stride
from helpers.terms import PIXELS, Term, check_masks, objective_from_sums, style_sums, sums_of_terms
from helpers.vgg import FeatureExtractor, feature_model, split_model

ops = keras.ops


class Tiling(NamedTuple):
    """How an evaluation is divided to save memory. The result is the same up to the rounding of float32."""

    side: int
    """The largest height and width of a tile's core, in pixels; the margin around it is added to these."""

    cut: str | None = None
    """The layer up to which tiles are used; later layers evaluate its whole feature maps at once.

    The early layers take most of the memory, and their receptive fields are small. Measured in float32: tiles
    of 256 pixels up to ``block2_pool`` took 1.1 times the time of the whole image, up to ``block3_pool`` 1.4
    times. ``None``: up to the last layer, with wide margins, which took 3.1 times; the memory for activations
    is then independent of the image's size.
    """


class Evaluator(NamedTuple):
    """A feature extractor, with the tiling for images of one size; ``None`` evaluates them whole."""

    extractor: FeatureExtractor
    tiling: Tiling | None = None

    def feature_maps(self, pixels: Any, layers: Sequence[str]) -> dict[str, Any]:
        """Feature maps of an image in some layers, ``{layer: (1, h, w, N)}``."""
        parts = list(self._of_tiles(_features_alone, pixels, layers, {}))
        return {
            layer: _joined([[part[layer] for part in row] for row in parts]) for layer in layer_names(layers)
        }

    def style_sums(
        self, pixels: Any, layers: Sequence[str], masks: Mapping[str, Any] | None = None
    ) -> dict[str, dict[str, Any]]:
        """``style_sums`` of an image in some layers, ``{layer: style_sums}``.

        ``masks``: the weight of each position, ``{layer: (1, h, w, 1)}``, see ``masks_at``.
        Raises ``ArgumentError`` for a mask that is 0 everywhere.
        """
        check_masks(masks or {})
        rows = self._of_tiles(style_sums, pixels, layers, masks or {})
        return functools.reduce(_added, itertools.chain.from_iterable(rows))

    def _of_tiles(
        self, function: Callable[..., Any], pixels: Any, layers: Sequence[str], maps: Mapping[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        """Rows of tiles, each as ``{layer: function(feature maps of its core, its map)}``."""
        # Without tiling, a single tile: the targets then come from a compiled graph with the same rounding
        # errors as the feature maps that are compared with them.
        side = self.tiling.side if self.tiling else max(pixels.shape[1:3])
        layers = layer_names(layers)
        forward = _forward(function, layers, self.extractor)
        for row in _tiles(pixels, side, layers):
            yield [
                forward(_part(pixels, tile.whole), _parts(maps, tile.core, layers), tile.core_within)
                for tile in row
            ]


def _features_alone(features: Any, _: Any) -> Any:
    return features


def total_and_losses(
    terms: Sequence[Term], sums: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The total loss; and one tensor of the total and the loss of each term, to copy to the host at once."""
    total, losses = objective_from_sums(terms, sums, data)
    return total, ops.stack([total, *losses.values()])


def layers_of(terms: Sequence[Term]) -> tuple[str, ...]:
    """The layers whose feature maps the terms need."""
    return layer_names(layer for term in terms for layer in term.layers if layer != PIXELS)


# The loss is a function of sums over positions, so its gradient can be computed tile by tile with the chain
# rule: first add up the sums of all tiles; then differentiate the loss with respect to the sums; then, for
# each tile, backpropagate from the sums to the pixels. The cores of the tiles partition the image. A tile is
# its core with a margin as wide as the receptive field extends beyond it, and only the feature maps of the
# core are used, so that every activation is the same as in the whole image.


Bounds = tuple[tuple[int, int], tuple[int, int]]
"""First and last row, first and last column, in pixels; the last are not included."""


class Tile(NamedTuple):
    """Where a tile's core and the whole tile, with its margin, lie in the image, and the core in the tile."""

    core: Bounds
    whole: Bounds
    core_within: Bounds


def _spans(length: int, side: int, deepest: str) -> list[tuple[tuple[int, int], ...]]:
    """Divide a height or width into tiles of nearly equal size, aligned with positions of the deepest layer.

    With its margin, a tile begins where a patch of ``winograd.convolve`` begins in every layer: the patches
    are those of the whole image, and have the same rounding errors. Returns the bounds of each ``Tile``.
    """
    step = stride(deepest)
    margin = -(-receptive_field_margin(deepest) // step) * step
    patch = LARGEST_OUTPUT_PATCH * step
    positions = length // step
    count = min(-(-length // side), max(1, positions))
    bounds = [round(index * positions / count) * step for index in range(count)] + [length]
    spans = []
    for begin, end in itertools.pairwise(bounds):
        first = max(0, begin - margin) // patch * patch
        spans.append(((begin, end), (first, min(length, end + margin)), (begin - first, end - first)))
    return spans


def _tiles(pixels: Any, side: int, layers: Sequence[str]) -> list[list[Tile]]:
    """Rows of tiles, aligned with positions of the deepest of some layers."""
    deepest = layers_up_to(layers)[-1]
    rows, columns = (_spans(length, side, deepest) for length in pixels.shape[1:3])
    return [[Tile(*zip(row, column, strict=True)) for column in columns] for row in rows]


def _part(values: Any, bounds: Bounds, step: int = 1) -> Any:
    """The part of pixels, or of maps with the stride ``step``, within some bounds."""
    (top, bottom), (left, right) = bounds
    return values[:, top // step : bottom // step, left // step : right // step]


def _parts(maps: Mapping[str, Any], bounds: Bounds, layers: Sequence[str]) -> dict[str, Any]:
    """The part of those maps ``{layer: (1, h, w, …)}`` that are of some layers."""
    return {layer: _part(maps[layer], bounds, stride(layer)) for layer in layers if layer in maps}


@functools.lru_cache(maxsize=16)
def _forward(
    function: Callable[[Any, Any], Any], layers: tuple[str, ...], extractor: FeatureExtractor
) -> Callable[..., Any]:
    """The forward pass of a tile, compiled: ``{layer: function(feature maps of the core, its map)}``."""
    model = feature_model(layers, *extractor)

    def forward(pixels: Any, maps: Mapping[str, Any], core: Bounds) -> dict[str, Any]:
        features = _parts(model(pixels), core, layers)
        return {layer: function(features[layer], maps.get(layer)) for layer in layers}

    return compiled(forward, sizes=(2,))


@functools.lru_cache(maxsize=16)
def _stages(terms: tuple[Term, ...], extractor: FeatureExtractor, cut: str | None) -> tuple[Any, ...]:
    """The layers that are evaluated tile by tile, and the compiled parts of a tiled evaluation.

    1. Pixels, maps and core of a tile → the sums of these layers, and the output of the cut.
    2. The same, and the gradient with respect to these two → the gradient with respect to the pixels.
    3. Sums and output of the whole image, and its pixels → the losses, and the gradient with respect to these
       three.
    """
    layers = layers_of(terms)
    if cut is None:
        shallow_model, deep_model, shallow = feature_model(layers, *extractor), lambda _: {}, layers
    else:
        shallow_model, deep_model = split_model(cut, layers, *extractor)
        shallow = tuple(shallow_model.output)

    def sums_of_tile(pixels: Any, maps: Any, core: Bounds) -> tuple[Any, Any]:
        features = _parts(shallow_model(pixels), core, shallow)
        output = features.pop(cut, ())
        return sums_of_terms(terms, features, maps), output

    def inner_product(pixels: Any, maps: Any, core: Bounds, upstream: Any) -> tuple[Any, Any]:
        # The gradient of ⟨upstream gradient, sums⟩ is the vector–Jacobian product of the sums.
        products = keras.tree.map_structure(
            lambda value, gradient: ops.sum(ops.cast(value, "float32") * ops.cast(gradient, "float32")),
            sums_of_tile(pixels, maps, core),
            upstream,
        )
        return sum(keras.tree.flatten(products)), ()

    def loss_of_sums(arguments: Any, maps: Any, data: Any) -> tuple[Any, Any]:
        sums, output, pixels = arguments
        # Terms over the pixels take little memory: they are evaluated on the whole image.
        deep_sums = sums_of_terms(terms, {**deep_model(output), PIXELS: pixels}, maps)
        sums = {name: {**sums[name], **deep_sums[name]} for name in sums}
        return total_and_losses(terms, sums, data)

    return (
        shallow,
        compiled(sums_of_tile, sizes=(2,)),
        compiled(value_and_gradient(inner_product), sizes=(2,)),
        compiled(value_and_gradient(loss_of_sums)),
    )


def evaluate_tiled(
    terms: tuple[Term, ...],
    extractor: FeatureExtractor,
    tiling: Tiling,
    pixels: Any,
    maps: Mapping[str, Any],
    data: Mapping[str, Any],
) -> tuple[tuple[Any, Any], Any]:
    """The losses of some terms, see ``total_and_losses``, and the gradient of the total, tile by tile.

    ``maps``, ``data``: see ``target_maps`` and ``weights_and_targets``.
    """
    cut = useful_cut(tiling.cut, layers_of(terms))
    shallow, sums_of_tile, gradient_of_tile, losses_of_sums = _stages(terms, extractor, cut)
    rows = _tiles(pixels, tiling.side, [cut] if cut else layers_of(terms))

    def arguments(tile: Tile) -> tuple[Any, Any, Bounds]:
        core_maps = {name: _parts(of_term, tile.core, shallow) for name, of_term in maps.items()}
        return _part(pixels, tile.whole), core_maps, tile.core_within

    sums, outputs = None, []
    for row in rows:
        outputs.append([])
        for tile in row:
            tile_sums, output = sums_of_tile(*arguments(tile))
            sums = tile_sums if sums is None else _added(sums, tile_sums)
            outputs[-1].append(output)
    output = _joined(outputs) if cut else ()
    # Deleted as early as possible: these tensors take much of the memory that tiling is meant to save.
    del outputs
    losses, (sums_gradient, output_gradient, gradient) = losses_of_sums((sums, output, pixels), maps, data)
    del output

    gradient = np.array(ops.convert_to_numpy(gradient))
    for tile in itertools.chain(*rows):
        upstream = sums_gradient, _part(output_gradient, tile.core, stride(cut)) if cut else ()
        _, tile_gradient = gradient_of_tile(*arguments(tile), upstream)
        # A view: it adds to the gradient itself.
        part = _part(gradient, tile.whole)
        part += ops.convert_to_numpy(tile_gradient)
    return losses, ops.convert_to_tensor(gradient)


def largest_tile(height: int, width: int, layers: Sequence[str], tiling: Tiling) -> int:
    """The number of pixels of the largest tile of an image, with its margin."""
    deepest = useful_cut(tiling.cut, layers) or layers_up_to(layers)[-1]
    spans = [_spans(length, tiling.side, deepest) for length in (height, width)]
    return math.prod(max(end - begin for _, (begin, end), _ in along) for along in spans)


def useful_cut(cut: str | None, layers: Sequence[str]) -> str | None:
    """The Keras name of the cut, or ``None`` if no term needs a layer after it."""
    cut = cut and layer_name(cut)
    return cut if cut in layers_up_to(layers)[:-1] else None


def _joined(parts: Sequence[Sequence[Any]]) -> Any:
    return ops.concatenate([ops.concatenate(row, axis=2) for row in parts], axis=1)


def _added(first: Any, second: Any) -> Any:
    return keras.tree.map_structure(lambda a, b: a + b, first, second)
