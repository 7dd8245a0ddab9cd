"""An objective as a function of the pixels: compiled, with its gradient, whole or tile by tile."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from helpers.compute.framework import compiled, keras, value_and_gradient
from helpers.compute.precision import Precision
from helpers.engine.tiling import Tiling, evaluate_tiled, layers_of, total_and_losses
from helpers.errors import ArgumentError
from helpers.layers import Pooling
from helpers.terms import PIXELS, Term, data_of, maps_of, sums_of_terms
from helpers.vgg import Network, feature_model

ops = keras.ops

Evaluate = Callable[[Any], tuple[dict[str, float], Any]]
"""Pixels ``(1, H, W, 3)`` → ``({"total": …, term: …}, gradient of the total, same shape)``."""


def objective(
    terms: Sequence[Term],
    weights: str = "auto",
    pooling: Pooling = "avg",
    normalised: bool = False,
    precision: Precision = "float32",
    sliding: bool = False,
    tiling: Tiling | None = None,
) -> Evaluate:
    """Build the weighted sum of some terms as a compiled function of the pixels, with its gradient.

    The network is ``feature_model(layers, weights, pooling, normalised, precision, sliding)``, cut after the
    deepest layer a term needs. ``tiling``: how the pixels are cut up, by default not at all.

    Objectives whose terms differ in their weights, maps and targets alone share one compiled graph.
    Raises ``ArgumentError`` where two terms bear the same name, or one that needs the whole picture is to be
    tiled.
    """
    names = [term.name for term in terms]
    if len(set(names)) != len(names):
        raise ArgumentError(f"Each term needs a name of its own, these are {', '.join(names)}.")
    kinds = tuple(term._replace(weight=None, maps=None, targets=None) for term in terms)
    network = Network(weights, pooling, normalised, precision, sliding)
    maps, data = keras.tree.map_structure(ops.convert_to_tensor, (maps_of(terms), data_of(terms)))
    if tiling is None:
        evaluate = _whole(kinds, network)
    else:
        over_pixels = tuple(kind for kind in kinds if kind.layers == (PIXELS,))
        over_maps = tuple(kind for kind in kinds if kind.layers != (PIXELS,))
        for kind in over_maps:
            if kind.sums is None or PIXELS in kind.layers:
                raise ArgumentError(
                    f"The term {kind.name} needs the whole picture at once: allow the run more memory, "
                    "or make the picture smaller."
                )
        # Terms over the pixels, which are few, are taken as a whole all the same.
        parts = (
            [(over_maps, functools.partial(evaluate_tiled, over_maps, network, tiling))] if over_maps else []
        )
        parts += [(over_pixels, _whole(over_pixels, network))] if over_pixels else []
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
        for kinds, evaluate_part in parts:
            (total, *of_kinds), gradient = evaluate_part(pixels, *others)
            losses.update(zip((kind.name for kind in kinds), of_kinds, strict=True))
            totals.append(total)
            gradients.append(gradient)
        return ops.stack([sum(totals), *(losses[name] for name in names)]), sum(gradients)

    return evaluate


@functools.lru_cache(maxsize=16)
def _whole(kinds: tuple[Term, ...], network: Network) -> Callable[..., tuple[Any, Any]]:
    seen = any(kind.layers != (PIXELS,) for kind in kinds)
    model = feature_model(layers_of(kinds), *network) if seen else lambda pixels: {}

    def total(pixels: Any, maps: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
        features = {**model(pixels), PIXELS: pixels}
        return total_and_losses(kinds, sums_of_terms(kinds, features, maps), data)

    differentiated = compiled(value_and_gradient(total))

    def evaluate(pixels: Any, maps: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
        (_, values), gradient = differentiated(pixels, maps, data)
        return values, gradient

    return evaluate
