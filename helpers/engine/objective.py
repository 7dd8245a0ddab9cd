"""An objective as a function of the pixels: compiled, with its gradient, whole or tile by tile."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from helpers.compute.framework import compiled, keras, value_and_gradient
from helpers.engine.tiling import Tiling, evaluate_tiled, feature_maps, layers_of, styles, total_and_losses
from helpers.errors import ArgumentError
from helpers.layers import Pooling
from helpers.options import Precision
from helpers.terms import PIXELS, Term, data_of, maps_of, structure, sums_of_terms
from helpers.vgg import Extractor, feature_model

ops = keras.ops

Evaluate = Callable[[Any], tuple[dict[str, float], Any]]
"""Pixels ``(1, H, W, 3)`` → ``({"total": …, term: …}, gradient of the total, same shape)``."""


def objective(
    terms: Sequence[Term],
    weights: str = "auto",
    pooling: Pooling = "avg",
    normalized: bool = False,
    precision: Precision = "float32",
    direct: bool = False,
    tiling: Tiling | None = None,
) -> Evaluate:
    """Build the weighted sum of some terms as a compiled function of the pixels, with its gradient.

    The network is ``feature_model(layers, weights, pooling, normalized, precision, direct)``, cut after the
    deepest layer a term needs. ``tiling``: how the pixels are cut up, by default not at all.

    Objectives whose terms differ in their weights, maps and targets alone share one compiled graph.
    Raises ``ArgumentError`` where two terms bear the same name, or one that needs the whole picture is to be
    tiled.
    """
    names = [term.name for term in terms]
    if len(set(names)) != len(names):
        raise ArgumentError(f"Each term needs a name of its own, these are {', '.join(names)}.")
    structures = tuple(map(structure, terms))
    extractor = Extractor(weights, pooling, normalized, precision, direct)
    maps, data = keras.tree.map_structure(ops.convert_to_tensor, (maps_of(terms), data_of(terms)))
    if tiling is None:
        evaluate = _whole(structures, extractor)
    else:
        over_pixels = tuple(term for term in structures if term.layers == (PIXELS,))
        over_maps = tuple(term for term in structures if term.layers != (PIXELS,))
        for term in over_maps:
            if term.sums is None or PIXELS in term.layers:
                raise ArgumentError(
                    f"The term {term.name} needs the whole picture at once: allow the run more memory, "
                    "or make the picture smaller."
                )
        # Terms over the pixels, which are few, are taken as a whole all the same.
        tiled = functools.partial(evaluate_tiled, over_maps, extractor, tiling)
        parts = [(over_maps, tiled)] if over_maps else []
        parts += [(over_pixels, _whole(over_pixels, extractor))] if over_pixels else []
        evaluate = _sum_of(parts, names)

    def losses_and_gradient(pixels: Any) -> tuple[dict[str, float], Any]:
        values, gradient = evaluate(pixels, maps, data)
        return dict(zip(["total", *names], ops.convert_to_numpy(values).tolist(), strict=True)), gradient

    return losses_and_gradient


def _sum_of(
    parts: Sequence[tuple[tuple[Term, ...], Callable[..., tuple[Any, Any]]]], names: Sequence[str]
) -> Callable[..., tuple[Any, Any]]:
    """An objective whose terms are evaluated in several ways: the sum, its terms again in the order named."""
    if len(parts) == 1:
        return parts[0][1]

    def evaluate(pixels: Any, *others: Any) -> tuple[Any, Any]:
        losses, totals, gradients = {}, [], []
        for structures, evaluate_part in parts:
            (total, *of_kinds), gradient = evaluate_part(pixels, *others)
            losses.update(zip((term.name for term in structures), of_kinds, strict=True))
            totals.append(total)
            gradients.append(gradient)
        return ops.stack([sum(totals), *(losses[name] for name in names)]), sum(gradients)

    return evaluate


@functools.lru_cache(maxsize=16)
def _whole(structures: tuple[Term, ...], extractor: Extractor) -> Callable[..., tuple[Any, Any]]:
    seen = any(term.layers != (PIXELS,) for term in structures)
    model = feature_model(layers_of(structures), *extractor) if seen else lambda pixels: {}

    def total(pixels: Any, maps: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
        features = {**model(pixels), PIXELS: pixels}
        return total_and_losses(structures, sums_of_terms(structures, features, maps), data)

    differentiated = compiled(value_and_gradient(total))

    def evaluate(pixels: Any, maps: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
        (_, values), gradient = differentiated(pixels, maps, data)
        return values, gradient

    return evaluate


class Evaluator(NamedTuple):
    """What evaluates images of one size: a feature extractor, whole or tile by tile."""

    extractor: Extractor
    tiling: Tiling | None = None

    def feature_maps(self, pixels: Any, layers: Sequence[str]) -> dict[str, Any]:
        """Feature maps of an image in some layers, ``{layer: (1, h, w, N)}``."""
        return feature_maps(pixels, layers, self.extractor, self.tiling)

    def style_sums(
        self, pixels: Any, layers: Sequence[str], masks: Mapping[str, Any] | None = None
    ) -> dict[str, dict[str, Any]]:
        """``style_sums`` of an image in some layers, of the part that the masks leave, see ``masks_at``."""
        return styles(pixels, layers, self.extractor, self.tiling, masks)

    def objective(self, terms: Sequence[Term]) -> Evaluate:
        """The weighted sum of some terms, see ``objective``."""
        return objective(terms, *self.extractor, tiling=self.tiling)
