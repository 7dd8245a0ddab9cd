"""Evaluations tile by tile: what saves memory where a picture is too large to be evaluated whole."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import compiled, keras, value_and_gradient
from helpers.compute.winograd import LARGEST_SQUARE
from helpers.errors import ArgumentError
from helpers.layers import POOL_LAYERS, layer_name, layer_names, layers_up_to, receptive_margin, stride
from helpers.terms import PIXELS, Term, check_masks, style_sums, sums_of_terms, total_of_sums
from helpers.vgg import Extractor, feature_model, split_model

ops = keras.ops


class Tiling(NamedTuple):
    """How an evaluation is cut up to save memory. The result is the same to the rounding of float32."""

    side: int
    """The largest height and width of a tile's own part, in pixels; what it sees around it is added."""

    cut: str | None = None
    """The pooling layer up to which tiles are used; behind it the picture is taken whole, reduced as it is.

    Shallow layers hold most of the memory, and their positions see a few pixels only: at 512 × 768 on two
    cores, in float32, tiles of 256 pixels up to ``block2_pool`` took 1.1 times as long as the whole, up to
    ``block3_pool`` 1.4 times, and to the last layer 3.1 times; ``memory.multiplications`` says 1.2, 1.6 and
    3.2.
    ``None``: tiles to the last layer, each with a wide margin, in memory that does not grow with the picture.
    """


def feature_maps(
    pixels: Any, layers: Sequence[str], extractor: Extractor, tiling: Tiling | None = None
) -> dict[str, Any]:
    """Feature maps of an image in some layers, ``{layer: (1, h, w, N)}``, whole or tile by tile."""
    layers = layer_names(layers)
    rows, columns = _rows_and_columns(pixels, layers, tiling)
    forward = _forward(_identity, layers, extractor)
    parts = [
        [forward(_cut(pixels, tile), {}, _crops(tile, layers)) for tile in row]
        for row in _grid(rows, columns)
    ]
    return {layer: _joined([[part[layer] for part in row] for row in parts]) for layer in layers}


def styles(
    pixels: Any,
    layers: Sequence[str],
    extractor: Extractor,
    tiling: Tiling | None = None,
    masks: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """What the style of an image is made of in some layers: ``{layer: style_sums}``, whole or by tiles.

    ``masks``: the part of the image that counts, ``{layer: (1, h, w, 1)}``, see ``masks_at``.
    Raises ``ArgumentError`` for one that is 0 everywhere.
    """
    layers = layer_names(layers)
    check_masks(masks or {})
    sums = None
    for tile in itertools.chain(*_grid(*_rows_and_columns(pixels, layers, tiling))):
        own = _of_tile(masks or {}, tile)
        part = _forward(style_sums, layers, extractor)(_cut(pixels, tile), own, _crops(tile, layers))
        sums = part if sums is None else _added(sums, part)
    return sums


def _identity(features: Any, _: Any) -> Any:
    return features


def total_and_losses(
    terms: Sequence[Term], sums: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The total loss; the total and the loss of each term as one tensor."""
    total, losses = total_of_sums(terms, sums, data)
    return total, ops.stack([total, *losses.values()])


def layers_of(terms: Sequence[Term]) -> tuple[str, ...]:
    """The layers whose feature maps some terms need."""
    return layer_names(layer for term in terms for layer in term.layers if layer != PIXELS)


# Tiles. A loss of sums over positions needs every position once, and the chain rule passes through the sums:
# first the sums of each tile are added up; then the loss is differentiated with respect to the sums; then,
# tile by tile, the sums with respect to the pixels. A tile is cut out with as wide a margin as its positions
# see, and of its feature maps only the tile's own part is used, so that no position knows of the cuts.


class _Span(NamedTuple):
    """A tile's extent along one axis, in pixels: what it is cut out with, and what is its own."""

    begin: int
    end: int
    own_begin: int
    own_end: int

    def crop(self, step: int) -> tuple[int, int]:
        """Its own part's positions within the tile's feature maps, in a layer of this stride."""
        return (self.own_begin - self.begin) // step, (self.own_end - self.begin) // step

    def of_layer(self, step: int) -> slice:
        """Its own part's positions within the whole picture's feature maps, in a layer of this stride."""
        return slice(self.own_begin // step, self.own_end // step)


Tile = tuple[_Span, _Span]
Crops = tuple[tuple[tuple[int, int], tuple[int, int]], ...]


def _spans(length: int, side: int, deepest: str) -> list[_Span]:
    """Cut a height or width into near-equal tiles that begin where positions of the deepest layer begin.

    What they are cut out with begins where a square of ``winograd.convolve`` does in every layer, so that all
    squares are those of the whole picture, rounded alike.
    """
    step = stride(deepest)
    margin = -(-receptive_margin(deepest) // step) * step
    square = LARGEST_SQUARE * step
    positions = length // step
    count = min(-(-length // side), max(1, positions))
    bounds = [round(number * positions / count) * step for number in range(count)] + [length]
    return [
        _Span(max(0, begin - margin) // square * square, min(length, end + margin), begin, end)
        for begin, end in itertools.pairwise(bounds)
    ]


def _rows_and_columns(pixels: Any, layers: Sequence[str], tiling: Tiling | None) -> list[list[_Span]]:
    # One tile where none are asked for: targets come from a compiled graph, as what is compared with them
    # does, so that both are rounded alike.
    side = max(pixels.shape[1:3]) if tiling is None else tiling.side
    deepest = layers_up_to(layers)[-1]
    return [_spans(length, side, deepest) for length in pixels.shape[1:3]]


def _grid(rows: Sequence[_Span], columns: Sequence[_Span]) -> Iterator[list[Tile]]:
    return ([(row, column) for column in columns] for row in rows)


def _cut(pixels: Any, tile: Tile) -> Any:
    rows, columns = tile
    return pixels[:, rows.begin : rows.end, columns.begin : columns.end]


def _of_tile(maps: Mapping[str, Any], tile: Tile) -> dict[str, Any]:
    """The tile's own part of some maps of the whole picture, ``{layer: (1, h, w, …)}``."""
    rows, columns = tile
    return {
        layer: over[:, rows.of_layer(stride(layer)), columns.of_layer(stride(layer))]
        for layer, over in maps.items()
    }


def _crops(tile: Tile, layers: Sequence[str]) -> Crops:
    return tuple(tuple(span.crop(stride(layer)) for span in tile) for layer in layers)


def _cropped(features: Mapping[str, Any], layers: Sequence[str], crops: Crops) -> dict[str, Any]:
    return {
        layer: features[layer][:, top:bottom, left:right]
        for layer, ((top, bottom), (left, right)) in zip(layers, crops, strict=True)
    }


@functools.lru_cache(maxsize=16)
def _forward(
    function: Callable[[Any, Any], Any], layers: tuple[str, ...], extractor: Extractor
) -> Callable[..., Any]:
    model = feature_model(layers, *extractor)

    def of_tile(pixels: Any, maps: Mapping[str, Any], crops: Crops) -> dict[str, Any]:
        own = _cropped(model(pixels), layers, crops)
        return {layer: function(features, maps.get(layer)) for layer, features in own.items()}

    return compiled(of_tile, sizes=(2,))


class _Stages(NamedTuple):
    """The compiled parts of a tiled evaluation."""

    shallow: tuple[str, ...]
    sums: Callable[..., Any]
    gradient: Callable[..., Any]
    deep: Callable[..., Any]


@functools.lru_cache(maxsize=16)
def _stages(terms: tuple[Term, ...], extractor: Extractor, cut: str | None) -> _Stages:
    layers = layers_of(terms)
    if cut is None:
        first, second, shallow = feature_model(layers, *extractor), None, layers
    else:
        first, second = split_model(cut, layers, *extractor)
        shallow = tuple(first.output)

    def of_tile(pixels: Any, maps: Any, crops: Crops) -> tuple[Any, Any]:
        own = _cropped(first(pixels), shallow, crops)
        return sums_of_terms(terms, own if cut is None else _without(own, cut), maps), own.get(cut, ())

    def product(pixels: Any, maps: Any, slopes: Any, crops: Crops) -> tuple[Any, Any]:
        # The gradient of ⟨slopes, sums⟩ is the chain rule's product of the two derivatives.
        products = keras.tree.map_structure(
            lambda value, slope: ops.sum(ops.cast(value, "float32") * ops.cast(slope, "float32")),
            of_tile(pixels, maps, crops),
            slopes,
        )
        return sum(keras.tree.flatten(products)), ()

    def of_sums(sums_and_output: Any, maps: Any, data: Any) -> tuple[Any, Any]:
        sums, output = sums_and_output
        if second is not None:
            behind = sums_of_terms(terms, second(output), maps)
            sums = {name: {**sums[name], **behind[name]} for name in sums}
        return total_and_losses(terms, sums, data)

    return _Stages(
        shallow,
        compiled(of_tile, sizes=(2,)),
        compiled(value_and_gradient(product), sizes=(3,)),
        compiled(value_and_gradient(of_sums)),
    )


def evaluate_tiled(
    terms: tuple[Term, ...],
    extractor: Extractor,
    tiling: Tiling,
    pixels: Any,
    maps: Mapping[str, Any],
    data: Mapping[str, Any],
) -> tuple[Any, Any]:
    """The total and the losses of terms, and the gradient, tile by tile."""
    cut = useful_cut(tiling.cut, layers_of(terms))
    stages = _stages(terms, extractor, cut)
    deepest = cut or layers_up_to(layers_of(terms))[-1]
    grid = list(_grid(*(_spans(length, tiling.side, deepest) for length in pixels.shape[1:3])))

    def arguments(tile: Tile) -> tuple[Any, Any, Crops]:
        own = {
            name: _of_tile({layer: of_term[layer] for layer in of_term if layer in stages.shallow}, tile)
            for name, of_term in maps.items()
        }
        return _cut(pixels, tile), own, _crops(tile, stages.shallow)

    sums, outputs = None, []
    for row in grid:
        outputs.append([])
        for tile in row:
            part, output = stages.sums(*arguments(tile))
            sums = part if sums is None else _added(sums, part)
            outputs[-1].append(output)
    whole = () if cut is None else _joined(outputs)
    del outputs, output
    behind = {name: _without(of_term, *stages.shallow) for name, of_term in maps.items()}
    (_, values), (slopes, slope_of_whole) = stages.deep((sums, whole), behind, data)
    del whole

    gradient = np.zeros(pixels.shape, np.float32)
    for tile in itertools.chain(*grid):
        rows, columns = tile
        slope = ()
        if cut is not None:
            step = stride(cut)
            slope = slope_of_whole[:, rows.of_layer(step), columns.of_layer(step)]
        cut_out, own, crops = arguments(tile)
        _, part = stages.gradient(cut_out, own, (slopes, slope), crops)
        gradient[:, rows.begin : rows.end, columns.begin : columns.end] += ops.convert_to_numpy(part)
    return values, ops.convert_to_tensor(gradient)


def tile_areas(height: int, width: int, layers: Sequence[str], tiling: Tiling) -> list[int]:
    """The pixels of each tile of an image, its margin included."""
    deepest = useful_cut(tiling.cut, layers) or layers_up_to(layers)[-1]
    rows, columns = (_spans(length, tiling.side, deepest) for length in (height, width))
    return [(row.end - row.begin) * (column.end - column.begin) for row in rows for column in columns]


def useful_cut(cut: str | None, layers: Sequence[str]) -> str | None:
    """The cut, or ``None`` where no term looks behind it."""
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


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
