"""Evaluation tile by tile, for images whose evaluation as a whole takes too much memory."""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import compiled, keras, value_and_gradient
from helpers.compute.winograd import LARGEST_OUTPUT_PATCH
from helpers.errors import ArgumentError
from helpers.layers import POOL_LAYERS, layer_name, layer_names, layers_up_to, receptive_field_margin, stride
from helpers.terms import PIXELS, Term, check_masks, objective_from_sums, style_sums, sums_of_terms
from helpers.vgg import FeatureExtractor, feature_model, split_model

ops = keras.ops


class Tiling(NamedTuple):
    """How an evaluation is divided to save memory. The result is the same up to the rounding of float32."""

    side: int
    """The largest height and width of a tile's core, in pixels; the margin around it is added to these."""

    cut: str | None = None
    """The pooling layer up to which tiles are used; later layers evaluate its whole feature maps at once.

    The early layers take most of the memory, and their receptive fields are small. Measured at 512 × 768 on
    two cores, in float32: tiles of 256 pixels up to ``block2_pool`` took 1.1 times the time of the whole
    image, up to ``block3_pool`` 1.4 times, up to the last layer 3.1 times.
    ``None``: tiles up to the last layer, with wide margins; the memory for activations is then independent
    of the image's size.
    """


def feature_maps(
    pixels: Any, layers: Sequence[str], extractor: FeatureExtractor, tiling: Tiling | None = None
) -> dict[str, Any]:
    """Feature maps of an image in some layers, ``{layer: (1, h, w, N)}``, whole or tile by tile."""
    layers = layer_names(layers)
    forward = _forward(_features_alone, layers, extractor)
    parts = [
        [forward(_cut(pixels, tile), {}, _crops(tile, layers)) for tile in row]
        for row in _tiles(pixels, tiling, layers)
    ]
    return {layer: _joined([[part[layer] for part in row] for row in parts]) for layer in layers}


def styles(
    pixels: Any,
    layers: Sequence[str],
    extractor: FeatureExtractor,
    tiling: Tiling | None = None,
    masks: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """The ``style_sums`` of an image in some layers, ``{layer: style_sums}``, whole or tile by tile.

    ``masks``: the weight of each position, ``{layer: (1, h, w, 1)}``, see ``masks_at``.
    Raises ``ArgumentError`` for a mask that is 0 everywhere.
    """
    layers = layer_names(layers)
    check_masks(masks or {})
    forward = _forward(style_sums, layers, extractor)
    sums = None
    for tile in itertools.chain(*_tiles(pixels, tiling, layers)):
        tile_sums = forward(_cut(pixels, tile), _core_of(masks or {}, tile, layers), _crops(tile, layers))
        sums = tile_sums if sums is None else _added(sums, tile_sums)
    return sums


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


class _Span(NamedTuple):
    """The extent of a tile along one axis, in pixels, with its margin and of its core alone."""

    begin: int
    end: int
    core_begin: int
    core_end: int

    def within_tile(self, step: int) -> tuple[int, int]:
        """The core's positions in the tile's feature maps, in a layer with the stride ``step``."""
        return (self.core_begin - self.begin) // step, (self.core_end - self.begin) // step

    def within_image(self, step: int) -> slice:
        """The core's positions in the whole image's feature maps, in a layer with the stride ``step``."""
        return slice(self.core_begin // step, self.core_end // step)


Tile = tuple[_Span, _Span]
Crops = tuple[tuple[tuple[int, int], tuple[int, int]], ...]


def _spans(length: int, side: int, deepest: str) -> list[_Span]:
    """Divide a height or width into tiles of nearly equal size, aligned with positions of the deepest layer.

    With its margin, a tile begins where a patch of ``winograd.convolve`` begins in every layer: the patches
    are those of the whole image, and have the same rounding errors.
    """
    step = stride(deepest)
    margin = -(-receptive_field_margin(deepest) // step) * step
    patch = LARGEST_OUTPUT_PATCH * step
    positions = length // step
    count = min(-(-length // side), max(1, positions))
    bounds = [round(index * positions / count) * step for index in range(count)] + [length]
    return [
        _Span(max(0, begin - margin) // patch * patch, min(length, end + margin), begin, end)
        for begin, end in itertools.pairwise(bounds)
    ]


def _tiles(pixels: Any, tiling: Tiling | None, layers: Sequence[str]) -> list[list[Tile]]:
    """Rows of tiles, aligned with positions of the deepest of some layers."""
    # Without tiling, a single tile: the targets then come from a compiled graph with the same rounding errors
    # as the feature maps that are compared with them.
    side = max(pixels.shape[1:3]) if tiling is None else tiling.side
    deepest = layers_up_to(layers)[-1]
    rows, columns = (_spans(length, side, deepest) for length in pixels.shape[1:3])
    return [[(row, column) for column in columns] for row in rows]


def _cut(pixels: Any, tile: Tile) -> Any:
    rows, columns = tile
    return pixels[:, rows.begin : rows.end, columns.begin : columns.end]


def _core_of(maps: Mapping[str, Any], tile: Tile, layers: Sequence[str]) -> dict[str, Any]:
    """The tile's core in those maps of the whole image that are of some layers, ``{layer: (1, h, w, …)}``."""
    rows, columns = tile
    return {
        layer: values[:, rows.within_image(stride(layer)), columns.within_image(stride(layer))]
        for layer, values in maps.items()
        if layer in layers
    }


def _crops(tile: Tile, layers: Sequence[str]) -> Crops:
    """The core's positions in the tile's feature maps, in each layer."""
    return tuple(tuple(span.within_tile(stride(layer)) for span in tile) for layer in layers)


def _cropped(features: Mapping[str, Any], layers: Sequence[str], crops: Crops) -> dict[str, Any]:
    return {
        layer: features[layer][:, top:bottom, left:right]
        for layer, ((top, bottom), (left, right)) in zip(layers, crops, strict=True)
    }


@functools.lru_cache(maxsize=16)
def _forward(
    function: Callable[[Any, Any], Any], layers: tuple[str, ...], extractor: FeatureExtractor
) -> Callable[..., Any]:
    """The forward pass of a tile, compiled: ``{layer: function(feature maps of the core, its map)}``."""
    model = feature_model(layers, *extractor)

    def forward(pixels: Any, maps: Mapping[str, Any], crops: Crops) -> dict[str, Any]:
        core = _cropped(model(pixels), layers, crops)
        return {layer: function(features, maps.get(layer)) for layer, features in core.items()}

    return compiled(forward, sizes=(2,))


class _Stages(NamedTuple):
    """The compiled parts of a tiled evaluation."""

    shallow: tuple[str, ...]
    """The layers that are evaluated tile by tile."""
    sums: Callable[..., Any]
    """Pixels, maps and crops of a tile → the sums of the shallow layers, and the output of the cut."""
    gradient: Callable[..., Any]
    """The same with the gradient with respect to these two → the gradient with respect to the pixels."""
    deep: Callable[..., Any]
    """Sums and output of the whole image, and its pixels → the losses, and the gradient with respect to these
    three."""


@functools.lru_cache(maxsize=16)
def _stages(terms: tuple[Term, ...], extractor: FeatureExtractor, cut: str | None) -> _Stages:
    layers = layers_of(terms)
    if cut is None:
        shallow_model, deep_model, shallow = feature_model(layers, *extractor), lambda _: {}, layers
    else:
        shallow_model, deep_model = split_model(cut, layers, *extractor)
        shallow = tuple(shallow_model.output)

    def sums_of_tile(pixels: Any, maps: Any, crops: Crops) -> tuple[Any, Any]:
        core = _cropped(shallow_model(pixels), shallow, crops)
        output = core.pop(cut, ())
        return sums_of_terms(terms, core, maps), output

    def inner_product(pixels: Any, maps: Any, upstream: Any, crops: Crops) -> tuple[Any, Any]:
        # The gradient of ⟨upstream gradient, sums⟩ is the vector–Jacobian product of the sums.
        products = keras.tree.map_structure(
            lambda value, gradient: ops.sum(ops.cast(value, "float32") * ops.cast(gradient, "float32")),
            sums_of_tile(pixels, maps, crops),
            upstream,
        )
        return sum(keras.tree.flatten(products)), ()

    def loss_of_sums(arguments: Any, maps: Any, data: Any) -> tuple[Any, Any]:
        sums, output, pixels = arguments
        # Terms over the pixels take little memory: they are evaluated on the whole image.
        deep_sums = sums_of_terms(terms, {**deep_model(output), PIXELS: pixels}, maps)
        sums = {name: {**sums[name], **deep_sums[name]} for name in sums}
        return total_and_losses(terms, sums, data)

    return _Stages(
        shallow,
        compiled(sums_of_tile, sizes=(2,)),
        compiled(value_and_gradient(inner_product), sizes=(3,)),
        compiled(value_and_gradient(loss_of_sums)),
    )


def evaluate_tiled(
    terms: tuple[Term, ...],
    extractor: FeatureExtractor,
    tiling: Tiling,
    pixels: Any,
    maps: Mapping[str, Any],
    data: Mapping[str, Any],
) -> tuple[Any, Any]:
    """The losses of some terms, see ``total_and_losses``, and the gradient of the total, tile by tile.

    ``maps``, ``data``: see ``target_maps`` and ``weights_and_targets``.
    """
    cut = useful_cut(tiling.cut, layers_of(terms))
    stages = _stages(terms, extractor, cut)
    rows = _tiles(pixels, tiling, [cut] if cut else layers_of(terms))

    def arguments(tile: Tile) -> tuple[Any, Any, Crops]:
        core_maps = {name: _core_of(of_term, tile, stages.shallow) for name, of_term in maps.items()}
        return _cut(pixels, tile), core_maps, _crops(tile, stages.shallow)

    sums, outputs = None, []
    for row in rows:
        outputs.append([])
        for tile in row:
            tile_sums, output = stages.sums(*arguments(tile))
            sums = tile_sums if sums is None else _added(sums, tile_sums)
            outputs[-1].append(output)
    whole_output = () if cut is None else _joined(outputs)
    # Deleted as early as possible: these tensors take much of the memory that tiling is meant to save.
    del outputs, output
    (_, values), (sums_gradient, output_gradient, gradient) = stages.deep(
        (sums, whole_output, pixels), maps, data
    )
    del whole_output

    gradient = np.array(ops.convert_to_numpy(gradient))
    for tile in itertools.chain(*rows):
        along, across = tile
        upstream = sums_gradient, () if cut is None else _core_of({cut: output_gradient}, tile, [cut])[cut]
        tile_pixels, core_maps, crops = arguments(tile)
        _, tile_gradient = stages.gradient(tile_pixels, core_maps, upstream, crops)
        gradient[:, along.begin : along.end, across.begin : across.end] += ops.convert_to_numpy(tile_gradient)
    return values, ops.convert_to_tensor(gradient)


def largest_tile(height: int, width: int, layers: Sequence[str], tiling: Tiling) -> int:
    """The number of pixels of the largest tile of an image, with its margin."""
    deepest = useful_cut(tiling.cut, layers) or layers_up_to(layers)[-1]
    spans = [_spans(length, tiling.side, deepest) for length in (height, width)]
    return math.prod(max(span.end - span.begin for span in along) for along in spans)


def useful_cut(cut: str | None, layers: Sequence[str]) -> str | None:
    """The Keras name of the cut, or ``None`` if no term needs a layer after it.

    Raises ``ArgumentError`` if it is not a pooling layer.
    """
    if cut is None:
        return None
    cut = layer_name(cut)
    if cut not in POOL_LAYERS:
        raise ArgumentError(f"The network is cut at a pooling layer, not at {cut}.")
    return cut if cut in layers_up_to(layers)[:-1] else None


def _joined(parts: Sequence[Sequence[Any]]) -> Any:
    return ops.concatenate([ops.concatenate(row, axis=2) for row in parts], axis=1)


def _added(first: Any, second: Any) -> Any:
    return keras.tree.map_structure(lambda a, b: a + b, first, second)
