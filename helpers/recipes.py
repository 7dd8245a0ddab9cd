"""The paper's three experiments: content reconstruction, texture synthesis, and style transfer."""

import dataclasses
import math
import numbers
import os
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.color import Colors, colors_for, with_colors_of
from helpers.engine.coarse_to_fine import Callback, Record, default_scales, pyramid, white_noise
from helpers.engine.run import Problem, solve
from helpers.engine.tiling import Evaluator
from helpers.errors import ArgumentError, MissingFileError, check_number, check_whole, shown
from helpers.images import load_image, load_mask, preprocess, resize_image, resize_mask, save_image
from helpers.layers import CONTENT_LAYER, STYLE_LAYERS, layer_name, layer_names
from helpers.options import Losses, Network, Run, filled
from helpers.terms import (
    Scene,
    Term,
    Terms,
    build_terms,
    content_term,
    masks_at,
    style_term,
    with_given_names,
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a recipe returns."""

    image: np.ndarray
    """``uint8 (H, W, 3)``, RGB."""

    history: list[Record]
    """One record a step: step, evaluations, seconds, size, total, and each term's loss before its weight."""

    settings: dict[str, Any]
    """JSON-ready: the recipe, its arguments, the weights used, the inputs' checksums, the versions.

    Calling the recipe with ``settings["arguments"]`` repeats the run. An image that was given as a path or
    a bundled name stands there as such; of one that was given as an array, only its checksum is kept.
    """

    def save(self, path: str | os.PathLike) -> Path:
        """Write the image; a PNG carries the settings and the history. Raises as ``save_image`` does."""
        is_png = os.fspath(path).lower().endswith(".png")
        return save_image(self.image, path, {**self.settings, "history": self.history} if is_png else None)


def reconstruct(
    image: Any,
    layer: str = CONTENT_LAYER,
    *,
    size: int | None = None,
    steps: int = 100,
    seed: int = 0,
    start: Any = "noise",
    network: Network | Mapping[str, Any] = Network(),
    run: Run | Mapping[str, Any] = Run(),
    callback: Callback | None = None,
) -> Result:
    """Content reconstruction: the image whose feature maps in one layer are those of another image.

    Minimizes equation (1) over the pixels, divided by the number of its terms.

    ``image``: whatever ``load_image`` accepts, as is ``start`` where it is not ``"noise"``.
    ``size``: shorter side at which ``image`` is used; ``None`` keeps its size.
    ``steps``: how many steps the optimizer takes. ``seed``: of the white noise.
    ``network``, ``run``: see ``Network`` and ``Run``. By default the network as trained, in float32, at one
    scale, with cosine coefficients as the parametrization.
    ``callback``: see ``Callback``.

    A stop (Ctrl-C, a notebook's stop button, ``StopIteration`` from the callback) and a loss that ceases to
    be a finite number end the run with the best image so far.

    Raises ``ArgumentError`` for options that do not fit, ``TooLargeError`` with the size that would fit
    where the memory is too small, ``RunError`` where the initialization has no finite loss, ``WeightsError``,
    ``CheckpointError``, ``OutputError`` where no checkpoint can be written, and as ``load_image`` does.
    Source: Gatys, Ecker and Bethge (2015), equation (1) and figure 1; Mahendran and Vedaldi (2015).
    """
    network = filled(Network, network, normalized=False, precision="float32")
    run = filled(Run, run, parametrization="cosine", scales=1)
    layer = layer_name(layer)
    target = load_image(image, size)

    def terms(height: int, width: int, evaluator: Evaluator) -> list[Term]:
        pixels = preprocess(resize_image(target, height, width))
        return [content_term(evaluator.feature_maps(pixels, [layer])[layer], layer, 1.0, per_entry=True)]

    arguments = {"image": image, "layer": layer, "size": size, "steps": steps, "seed": seed, "start": start}
    sizes = pyramid(*target.shape[:2], run.scales)
    initial = _initial(start, {}, seed)
    problem = Problem("reconstruct", arguments, {"image": target}, (layer,), sizes, steps, initial, terms)
    return Result(*solve(problem, network, run, callback))


def synthesize_texture(
    image: Any,
    layers: str | Iterable[str] = STYLE_LAYERS,
    *,
    size: int | tuple[int, int] | None = None,
    source_size: int | None = None,
    steps: int = 120,
    seed: int = 0,
    start: Any = "noise",
    losses: Losses | Mapping[str, Any] = Losses(),
    network: Network | Mapping[str, Any] = Network(),
    run: Run | Mapping[str, Any] = Run(),
    callback: Callback | None = None,
) -> Result:
    """Texture synthesis: an image of any size whose Gram matrices are those of a source image.

    Minimizes equation (5) over the pixels.

    ``image``: the source, whatever ``load_image`` accepts; ``source_size``: its shorter side, ``None``
    keeps its size. ``layers``: the layers of equation (5).
    ``size``: the side of a square texture or its height and width; ``None`` takes the source's.
    ``losses``, ``network``, ``run``: see ``Losses``, ``Network`` and ``Run``. By default a normalized network
    in the faster precision here, coarse-to-fine, with the pixels as the parametrization.
    ``steps``, ``seed``, ``start``, ``callback``, and what is raised: as in ``reconstruct``.

    Source: Gatys, Ecker and Bethge (2015), equations (3) to (5), and their "Texture synthesis using
    convolutional neural networks" (2015).
    """
    losses, network, run = usual_options(losses, network, run)
    layers = layer_names(layers)
    source = load_image(image, source_size)
    sides = source.shape[:2] if size is None else size
    height, width = sides if isinstance(sides, (list, tuple)) and len(sides) == 2 else (sides, sides)
    check_whole("The height of a picture", height)
    check_whole("The width of a picture", width)

    def terms(to_height: int, to_width: int, evaluator: Evaluator) -> list[Term]:
        pixels = preprocess(_scaled(source, to_height / height))
        sums = evaluator.style_sums(pixels, layers)
        return [style_term(sums, 1.0, losses.layer_weights, statistic=losses.statistic)]

    arguments = {"image": image, "layers": layers, "size": (height, width), "source_size": source_size}
    arguments |= {"steps": steps, "seed": seed, "start": start, "losses": losses}
    sizes = pyramid(height, width, run.scales or default_scales(min(height, width, *source.shape[:2])))
    initial = _initial(start, {}, seed)
    inputs = {"image": source}
    problem = Problem("synthesize_texture", arguments, inputs, layers, sizes, steps, initial, terms)
    return Result(*solve(problem, network, run, callback))


def transfer(
    content: Any,
    style: Any,
    *,
    size: int | None = None,
    content_weight: float = 1.0,
    style_weight: float = 50.0,
    content_layer: str = CONTENT_LAYER,
    style_layers: str | Iterable[str] = STYLE_LAYERS,
    style_scale: float = 1.0,
    blend: Sequence[float] | None = None,
    masks: Sequence[Any] | None = None,
    style_masks: Sequence[Any] | None = None,
    colors: Colors = "style",
    terms: Terms | None = None,
    start: Any = "content",
    steps: int = 80,
    seed: int = 0,
    losses: Losses | Mapping[str, Any] = Losses(),
    network: Network | Mapping[str, Any] = Network(),
    run: Run | Mapping[str, Any] = Run(),
    callback: Callback | None = None,
) -> Result:
    """Style transfer: an image with the content of one image and the style of another, or of several.

    Minimizes equation (7) over the pixels: α times the content loss in one layer plus β times the style
    loss over several, and whatever ``terms`` adds.

    ``content``, ``style``: whatever ``load_image`` accepts, ``style`` also a list of them. ``size``: shorter
    side of the result; ``None`` keeps the content image's size.
    ``content_weight``, ``style_weight``: α and β. ``style_layers``: the layers of equation (5).
    ``style_scale``: the stroke size. At 1 the style image is reduced to the content image's shorter
    side, never enlarged; at 2 it is twice as large as that, and so are its strokes.
    ``blend``: the weight of each of several style images relative to the others, by default equal.
    ``masks``: for each style image a spatial mask, the region that takes this style: white in a picture, see
    ``load_mask``; ``None`` for everywhere.
    ``style_masks``: for each style image the part that its style is taken from, or ``None`` for all of it.
    ``colors``: whose colors the result has, see ``Colors``.
    ``terms``: further terms, a weight for each name of ``TERMS`` or a ``Term`` of one's own.
    ``start``: the initialization: ``"content"``, ``"style"``, ``"noise"`` (as in the paper), an image, or an
    earlier result.
    ``steps``, ``seed``, ``callback``, and what is raised: as in ``reconstruct``; ``losses``, ``network``,
    ``run`` with their defaults: as in ``synthesize_texture``.

    Source: Gatys, Ecker and Bethge (2015), equation (7); blending, regions and scale: Gatys, Ecker, Bethge,
    Hertzmann and Shechtman (2017), "Controlling perceptual factors in neural style transfer".
    """
    losses, network, run = usual_options(losses, network, run)
    content_layer, style_layers = layer_name(content_layer), layer_names(style_layers)
    arguments = dict(locals())
    for name in ("network", "run", "callback"):
        del arguments[name]
    return Result(*solve(_transfer_problem(arguments, run.scales), network, run, callback))


def usual_options(
    losses: Losses | Mapping[str, Any], network: Network | Mapping[str, Any], run: Run | Mapping[str, Any]
) -> tuple[Losses, Network, Run]:
    """The options with the defaults of texture synthesis and style transfer. Raises as ``filled`` does."""
    return (
        filled(Losses, losses),
        filled(Network, network, normalized=True, precision="auto"),
        filled(Run, run, parametrization="pixels"),
    )


class _StyleImage(NamedTuple):
    """One of the style images of a transfer, in the size that it is used in."""

    name: str
    """Of its term."""
    image: np.ndarray
    weight: float
    """Its part of β."""
    region: np.ndarray | None
    """Where the result gets its style, of the result's size; ``None`` for everywhere."""
    part: np.ndarray | None
    """What of it the style is taken from, of its own size; ``None`` for all of it."""


def _transfer_problem(arguments: Mapping[str, Any], scales: int | None) -> Problem:
    given = types.SimpleNamespace(**arguments)
    check_number("The weight of the content, α,", given.content_weight)
    check_number("The weight of the style, β,", given.style_weight)
    if not (given.content_weight or given.style_weight):
        raise ArgumentError("The weights α and β are not both 0: there would be nothing to minimize.")
    if given.terms is not None and not isinstance(given.terms, Mapping):
        raise ArgumentError(f"Further terms are a dict of weights by their names, not {shown(given.terms)}.")
    original = load_image(given.content, given.size)
    originals = _style_images(original.shape[:2], given)
    recolored = [colors_for(given.colors, original, style.image) for style in originals]
    image = recolored[0][0]
    styles = [style._replace(image=new) for style, (_, new) in zip(originals, recolored, strict=True)]
    losses, layers = given.losses, given.style_layers
    weight_scale = _weight_scale(given, [style.weight for style in styles])

    def terms(height: int, width: int, evaluator: Evaluator) -> list[Term]:
        of_content = preprocess(resize_image(image, height, width))
        scaled = [preprocess(_scaled(style.image, height / len(image))) for style in styles]
        layer, weight = given.content_layer, given.content_weight
        target = evaluator.feature_maps(of_content, [layer])[layer]
        built = [content_term(target, layer, weight, losses.content_per_entry)]
        for style, pixels in zip(styles, scaled, strict=True):
            if style.weight or len(styles) == 1:
                region = _at_layers(style.region, (height, width), layers)
                part = _at_layers(style.part, pixels.shape[1:3], layers)
                sums, weights = evaluator.style_sums(pixels, layers, part), losses.layer_weights
                built.append(style_term(sums, style.weight, weights, style.name, losses.statistic, region))

        def features(pixels: Any, layers: Sequence[str]) -> dict[str, Any]:
            return with_given_names(evaluator.feature_maps(pixels, layers), layers)

        built += build_terms(given.terms or {}, Scene(of_content, tuple(scaled), features))
        return [term._replace(weight=term.weight * weight_scale) for term in built]

    def with_colors(image: np.ndarray) -> np.ndarray:
        return with_colors_of(image, resize_image(original, *image.shape[:2]))

    inputs = {"content": original, **{style.name: style.image for style in originals}}
    least = min(min(image.shape[:2]) for image in inputs.values())
    sizes = pyramid(*original.shape[:2], scales or default_scales(least))
    initial = _initial(given.start, {"content": image, "style": styles[0].image}, given.seed)
    layers_of_both = (given.content_layer, *layers)
    finish = with_colors if given.colors == "luma" else None
    return Problem(
        "transfer",
        arguments,
        inputs,
        layers_of_both,
        sizes,
        given.steps,
        initial,
        terms,
        weight_scale,
        finish,
    )


def _weight_scale(given: types.SimpleNamespace, style_weights: Iterable[float]) -> float:
    """The factor, a power of two, that brings the largest weight of a transfer to 32…64, or 1 for usual ones.

    Only the ratios of the weights matter. With the factor, which rounds nothing, they may be larger or
    smaller than float32 holds, and Adam's ε stays negligible.
    Raises ``ArgumentError`` for a ratio that float32 does not hold.
    """
    of_layers = given.losses.layer_weights
    of_layers = list(of_layers.values()) if isinstance(of_layers, Mapping) else [1.0]
    weights = [given.content_weight, *(weight * each for weight in style_weights for each in of_layers)]
    for term in (given.terms or {}).values():
        weights.append(term.weight if isinstance(term, Term) else 0.0 if callable(term) else term)
    sizes = [abs(weight) for weight in weights if isinstance(weight, numbers.Real) and weight]
    largest, smallest = max(sizes, default=1.0), min(sizes, default=1.0)
    if not 1e-300 < largest < 1e300 or largest > 1e30 * smallest:
        raise ArgumentError(
            f"The largest weight is {largest:g} and the smallest {smallest:g}: weights whose ratio is above "
            "1e30 cannot be added in float32."
        )
    return 1.0 if 1 <= largest <= 1e6 else 2.0 ** (6 - math.frexp(largest)[1])


def _style_images(of_result: tuple[int, int], given: types.SimpleNamespace) -> list[_StyleImage]:
    check_number("The scale of a style image", given.style_scale, above=True)
    sources = list(given.style) if isinstance(given.style, (list, tuple)) else [given.style]
    images = [load_image(source) for source in sources]
    sides = [style_side(min(of_result), min(image.shape[:2]), given.style_scale) for image in images]
    images = [load_image(image, side) for image, side in zip(images, sides, strict=True)]
    count = len(images)
    regions = _masks("Masks", given.masks, [of_result] * count)
    parts = _masks("Masks of style images", given.style_masks, [image.shape[:2] for image in images])
    fractions = _fractions(_one_for_each("Weights of a blend", given.blend, count), regions)
    weights = [given.style_weight * fraction for fraction in fractions]
    names = ["style"] if count == 1 else [f"style {number}" for number in range(1, count + 1)]
    return list(map(_StyleImage, names, images, weights, regions, parts))


def _one_for_each(what: str, given: Any, count: int) -> list[Any]:
    """One entry for each style image; ``None`` each by default."""
    if given is None:
        return [None] * count
    if not isinstance(given, (list, tuple, np.ndarray)) or len(given) != count:
        raise ArgumentError(f"{what} are a list of {count}, one for each style image, not {shown(given)}.")
    return list(given)


def _masks(what: str, given: Any, sizes: Sequence[tuple[int, int]]) -> list[np.ndarray | None]:
    masks = zip(_one_for_each(what, given, len(sizes)), sizes, strict=True)
    return [None if mask is None else load_mask(mask, *size) for mask, size in masks]


def style_side(content_side: int, own_side: int, scale: float) -> int:
    """The shorter side at which a style image is used, from the content image's, its own, and its scale."""
    return max(1, round(scale * min(content_side, own_side)))


def _fractions(blend: Sequence[float | None], regions: Sequence[np.ndarray | None]) -> list[float]:
    """The fraction of β that each style image has: as ``blend`` has it, and the area of its region.

    A region's Gram matrix is divided by its area, so that the gradient of its loss at each of its positions
    is the larger the smaller the region is. A factor of the area undoes that: every position has one weight.
    """
    blend = [1.0 if weight is None else weight for weight in blend]
    for weight in blend:
        check_number("A style image's weight in a blend", weight)
    areas = [1.0 if region is None else float(region.mean()) for region in regions]
    counted = [weight * area for weight, area in zip(blend, areas, strict=True)]
    if not sum(counted):
        raise ArgumentError("No style image counts anywhere: its weight in the blend is 0 or its mask black.")
    return [each / sum(counted) * min(1.0, sum(areas)) for each in counted]


def _at_layers(
    mask: np.ndarray | None, size: tuple[int, int], layers: Iterable[str]
) -> dict[str, Any] | None:
    """A mask at the positions of some layers, for an image of another height and width."""
    return None if mask is None else masks_at(resize_mask(mask, *size), layers)


def _initial(start: Any, named: Mapping[str, np.ndarray], seed: int) -> Callable[[int, int], np.ndarray]:
    """The initialization: height and width → the pixels that a run starts from."""
    check_whole("The seed of the noise", seed, 0)
    if isinstance(start, str) and start == "noise":
        return lambda height, width: preprocess(white_noise(height, width, seed))
    image = named.get(start) if isinstance(start, str) else None
    try:
        image = load_image(start.image if isinstance(start, Result) else start) if image is None else image
    except MissingFileError:
        names = ", ".join(map(repr, ("noise", *named)))
        raise MissingFileError(
            f"The initialization is {names} or a picture; there is no {str(start)!r:.120}."
        ) from None
    return lambda height, width: preprocess(_cover(image, height, width))


def _cover(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part in the middle of an image with the proportions of (height, width), in this size."""
    # Cropped first: a very oblong image would become a very large one.
    tall, wide, _ = image.shape
    rows, columns = (
        max(1, min(tall, round(wide * height / width))),
        max(1, min(wide, round(tall * width / height))),
    )
    top, left = (tall - rows) // 2, (wide - columns) // 2
    return resize_image(image[top : top + rows, left : left + columns], height, width)


def _scaled(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    return resize_image(image, max(1, round(height * factor)), max(1, round(width * factor)))
