"""An objective as a function of the pixels: compiled, with its gradient, whole or tile by tile."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from helpers.compute.framework import Differentiated, compiled, keras, value_and_gradient
from helpers.engine.tiling import Tiling, evaluate_tiled, layers_of, total_and_losses
from helpers.errors import ArgumentError
from helpers.layers import Pooling
from helpers.options import Precision
from helpers.terms import (
    PIXELS,
    Term,
    check_terms,
    structure,
    sums_of_terms,
    target_maps,
    weights_and_targets,
)
from helpers.vgg import FeatureExtractor, feature_model

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

    The network is ``feature_model(layers, weights, pooling, normalized, precision, direct)``, up to the
    deepest layer that a term needs. ``tiling``: by default the whole image is evaluated at once.

    Objectives whose terms differ only in their weights, maps and targets share one compiled graph.
    Raises ``ArgumentError`` if two terms have the same name, or if a term that needs the whole image is to
    be evaluated in tiles.
    """
    check_terms(terms)
    names = [term.name for term in terms]
    if len(set(names)) != len(names):
        raise ArgumentError(f"Each term needs a name different from the others: {', '.join(names)}.")
    structures = tuple(map(structure, terms))
    extractor = FeatureExtractor(weights, pooling, normalized, precision, direct)
    maps, data = keras.tree.map_structure(
        ops.convert_to_tensor, (target_maps(terms), weights_and_targets(terms))
    )
    in_network = [term for term in terms if term.layers != (PIXELS,)]
    if tiling is None or not in_network:
        evaluate = _whole(structures, extractor)
    else:
        for term in in_network:
            if term.sums is None or PIXELS in term.layers:
                raise ArgumentError(
                    f"The term {term.name} needs the whole picture at once: allow the run more memory, "
                    "or make the picture smaller."
                )
        evaluate = functools.partial(evaluate_tiled, structures, extractor, tiling)

    def losses_and_gradient(pixels: Any) -> tuple[dict[str, float], Any]:
        (_, values), gradient = evaluate(pixels, maps, data)
        return dict(zip(["total", *names], ops.convert_to_numpy(values).tolist(), strict=True)), gradient

    return losses_and_gradient


@functools.lru_cache(maxsize=16)
def _whole(structures: tuple[Term, ...], extractor: FeatureExtractor) -> Differentiated:
    """The objective of some terms on the whole image; cached, since compiling takes seconds."""
    uses_network = any(term.layers != (PIXELS,) for term in structures)
    model = feature_model(layers_of(structures), *extractor) if uses_network else lambda pixels: {}

    def total(pixels: Any, maps: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Any, Any]:
        features = {**model(pixels), PIXELS: pixels}
        return total_and_losses(structures, sums_of_terms(structures, features, maps), data)

    return compiled(value_and_gradient(total))
