"""The paper's three experiments: content reconstruction, texture synthesis, and style transfer."""

import dataclasses
import hashlib
import importlib
import logging
import numbers
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.color import Colours, colours_for, with_colours_of
from helpers.compute.framework import device, keras, make_deterministic
from helpers.compute.precision import PrecisionOfRun, resolve_precision
from helpers.engine.arguments import checked
from helpers.engine.checkpoints import keeping, load_checkpoint, prepare_checkpoint
from helpers.engine.coarse_to_fine import (
    Callback,
    Keep,
    Optimizer,
    Record,
    State,
    coarse_to_fine,
    natural_scales,
    pyramid,
    shared_steps,
    white_noise,
)
from helpers.engine.memory import fitting_tiling, memory_installed
from helpers.engine.objective import Evaluate, objective
from helpers.engine.parametrization import Coordinates
from helpers.engine.tiling import Tiling, feature_maps, styles
from helpers.errors import ArgumentError, MissingFileError, check_number, shown
from helpers.files.bundled import IMAGES
from helpers.images import (
    as_uint8,
    deprocess,
    load_image,
    load_mask,
    preprocess,
    resize_image,
    resize_mask,
    save_image,
)
from helpers.layers import CONTENT_LAYER, STYLE_LAYERS, Pooling, layer_name, layer_names, smallest_side
from helpers.losses import LayerWeights
from helpers.progress import progress_bar
from helpers.terms import Scene, Statistic, Term, Terms, build_terms, content_term, masks_at, style_term
from helpers.vgg import Network
from helpers.weights import resolve_weights, weights_checksum

logger = logging.getLogger(__name__)

NO_SETTINGS = ("callback", "progress", "checkpoint", "checkpoint_every", "resume")
"""The arguments of a recipe that a run's settings do not tell: they change nothing about its picture."""

WINOGRAD_PAYS = 2_000_000
"""A run of as many pixels, over all its steps, computes Winograd convolutions. TensorFlow takes two to four
seconds longer to build their graph, which a smaller run does not make up for."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run ends with."""

    image: np.ndarray
    """``uint8 (H, W, 3)``, RGB."""

    history: list[Record]
    """One record a step: step, evaluations, seconds, size, total, and each term's loss before its weight."""

    settings: dict[str, Any]
    """JSON-ready: the recipe, its arguments, the weights used, the inputs' checksums, the versions.

    Calling the recipe with ``settings["arguments"]`` repeats the run. A picture that was given as a path or
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
    tolerance: float | None = None,
    seed: int = 0,
    start: Any = "noise",
    scales: int | None = 1,
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "fourier",
    weights: str = "auto",
    pooling: Pooling = "avg",
    normalised: bool = False,
    precision: str = "float32",
    memory: float | None = None,
    deterministic: bool = False,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: float = 30.0,
    resume: bool | str | os.PathLike = False,
    callback: Callback | None = None,
    progress: bool = True,
) -> Result:
    """Content reconstruction: the image whose feature maps in one layer are those of another image.

    Minimises equation (1) over the pixels, divided by the number of its entries.

    ``image``: whatever ``load_image`` accepts, as is ``start`` where it is not ``"noise"``.
    ``size``: shorter side at which ``image`` is used; ``None`` keeps its size.
    ``scales``: sizes of a coarse-to-fine run, see ``pyramid``; 1 is the paper's way.
    ``callback``, ``coordinates``, ``optimizer``, ``steps``, ``tolerance``: see ``coarse_to_fine``.
    ``weights``, ``pooling``, ``normalised``: see ``vgg19``.
    ``precision``: see ``Precision`` and ``PrecisionOfRun``; ``"auto"`` takes what is faster here, see
    ``resolve_precision``.
    ``memory``: how many GB the run may take; the picture is then looked at in as many tiles as that needs,
    with the same result. By default a quarter of what there is, and no more than 6.
    ``deterministic``: the same arguments on the same machine give the same picture, bit for bit; without
    it, runs may differ in the last digits, and ``precision="auto"`` is what was measured faster.
    ``checkpoint``: a file that the run is kept in as it goes, every ``checkpoint_every`` seconds and at its
    end, so that ``resume=True`` goes on after the program or the machine was cut off, to the same result.
    Where there is no such file yet, the run begins; ``resume`` may also be the path of another run's file.
    ``progress``: show a bar with the time left.

    A stop (Ctrl-C, a notebook's stop button, ``StopIteration`` from the callback) and a loss that ceases to
    be a finite number end the run with the best picture until then.

    Raises ``ArgumentError`` for settings that do not fit, ``TooLargeError`` with the size that would fit
    where the memory is too small, ``RunError`` where the start has no finite loss, ``WeightsError``,
    ``CheckpointError``, ``OutputError`` where no checkpoint can be written, and as ``load_image`` does.
    Source: Gatys, Ecker and Bethge (2015), equation (1) and figure 1; Mahendran and Vedaldi (2015).
    """
    arguments = checked(dict(locals()))
    layer = layer_name(layer)
    target = load_image(image, size)
    network = _network(arguments)
    sizes = pyramid(*target.shape[:2], scales)
    _check_sides({"picture": target}, [layer], sizes)

    def build(height: int, width: int, tiling: Tiling | None, network: Network) -> Evaluate:
        pixels = preprocess(resize_image(target, height, width))
        features = feature_maps(pixels, [layer], network, tiling)
        terms = [content_term(features[layer], layer, 1.0, per_entry=True)]
        return objective(terms, *network, tiling=tiling)

    return _run(
        "reconstruct",
        {**arguments, "layer": layer},
        {"image": target},
        [layer],
        network,
        build,
        _start(start, {}, seed),
        sizes,
        callback,
        progress,
    )


def synthesize_texture(
    image: Any,
    layers: str | Iterable[str] = STYLE_LAYERS,
    *,
    size: int | tuple[int, int] | None = None,
    source_size: int | None = None,
    steps: int = 120,
    tolerance: float | None = None,
    seed: int = 0,
    start: Any = "noise",
    scales: int | None = None,
    layer_weights: LayerWeights | None = None,
    statistic: Statistic = "gram",
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "pixels",
    weights: str = "auto",
    pooling: Pooling = "avg",
    normalised: bool = True,
    precision: str = "auto",
    memory: float | None = None,
    deterministic: bool = False,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: float = 30.0,
    resume: bool | str | os.PathLike = False,
    callback: Callback | None = None,
    progress: bool = True,
) -> Result:
    """Texture synthesis: an image of any size whose Gram matrices are those of a source image.

    Minimises equation (5) over the pixels.

    ``image``: the source, whatever ``load_image`` accepts; ``source_size``: its shorter side, ``None``
    keeps its size. ``layers``: the layers of equation (5), ``layer_weights``: its w_l, see
    ``LayerWeights``, by default 1 / number of layers each. ``statistic``: what of the feature maps is
    compared, see ``style_term``.
    ``size``: the side of a square texture or its height and width; ``None`` takes the source's.
    Everything else is as in ``reconstruct``.

    Source: Gatys, Ecker and Bethge (2015), equations (3) to (5), and their "Texture synthesis using
    convolutional neural networks" (2015).
    """
    arguments = checked(dict(locals()))
    layers = layer_names(layers)
    source = load_image(image, source_size)
    height, width = (size, size) if isinstance(size, int) else size or source.shape[:2]
    network = _network(arguments)
    sizes = pyramid(height, width, _scales(scales, height, width, *source.shape[:2]))
    _check_sides({"source": source, "texture": np.empty((height, width, 3))}, layers, sizes)

    def build(to_height: int, to_width: int, tiling: Tiling | None, network: Network) -> Evaluate:
        pixels = preprocess(_scaled(source, to_height / height))
        aims = styles(pixels, layers, network, tiling)
        terms = [style_term(aims, 1.0, layer_weights, statistic=statistic)]
        return objective(terms, *network, tiling=tiling)

    return _run(
        "synthesize_texture",
        {**arguments, "layers": layers, "size": (height, width)},
        {"image": source},
        layers,
        network,
        build,
        _start(start, {}, seed),
        sizes,
        callback,
        progress,
    )


def transfer(
    photo: Any,
    painting: Any,
    *,
    size: int | None = None,
    content_weight: float = 1.0,
    style_weight: float = 50.0,
    content_layer: str = CONTENT_LAYER,
    style_layers: str | Iterable[str] = STYLE_LAYERS,
    layer_weights: LayerWeights | None = None,
    content_per_entry: bool = True,
    statistic: Statistic = "gram",
    blend: Sequence[float] | None = None,
    masks: Sequence[Any] | None = None,
    painting_masks: Sequence[Any] | None = None,
    painting_scale: float = 1.0,
    colours: Colours = "painting",
    terms: Terms | None = None,
    start: Any = "photo",
    steps: int = 80,
    tolerance: float | None = None,
    seed: int = 0,
    scales: int | None = None,
    optimizer: Optimizer = "lbfgs",
    coordinates: Coordinates = "pixels",
    weights: str = "auto",
    pooling: Pooling = "avg",
    normalised: bool = True,
    precision: str = "auto",
    memory: float | None = None,
    deterministic: bool = False,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: float = 30.0,
    resume: bool | str | os.PathLike = False,
    callback: Callback | None = None,
    progress: bool = True,
) -> Result:
    """Style transfer: the content of a photograph in the style of a painting, or of several.

    Minimises equation (7) over the pixels: α times the content loss in one layer plus β times the style
    loss over several, and whatever ``terms`` adds.

    ``photo``, ``painting``: whatever ``load_image`` accepts, ``painting`` also a list of them. ``size``:
    shorter side of the result; ``None`` keeps the photo's size.
    ``content_weight``, ``style_weight``: α and β. ``content_per_entry``: divide equation (1) by the number
    N·M of its entries, so that one β serves every size; ``False`` takes (1) as printed.
    ``style_layers``: the layers of equation (5), ``layer_weights``: its w_l, see ``LayerWeights``, by
    default 1 / number of layers each. ``statistic``: what of the feature maps is compared, see
    ``style_term``.
    ``blend``: how much each of several paintings counts beside the others, by default all alike.
    ``masks``: for each painting where it goes, see ``load_mask``; white places are painted in its manner.
    ``painting_masks``: for each painting which part of it is looked at, or ``None`` for all of it: the same
    painting may be named twice, its sky for the photo's sky and its ground for the ground.
    ``painting_scale``: the size of the strokes. At 1 the painting is reduced to the photo's shorter side,
    never enlarged; at 2 it is twice as large as that, and so are its strokes.
    ``colours``: whose colours the result has, see ``Colours``.
    ``terms``: further terms, a weight for each name of ``TERMS`` or a ``Term`` of one's own.
    ``start``: ``"photo"``, ``"painting"``, ``"noise"`` (as in the paper), an image, or an earlier result.
    Everything else is as in ``reconstruct``.

    Source: Gatys, Ecker and Bethge (2015), equation (7); blending, regions and scale: Gatys, Ecker, Bethge,
    Hertzmann and Shechtman (2017), "Controlling perceptual factors in neural style transfer".
    """
    arguments = checked(dict(locals()))
    content_layer, style_layers = layer_name(content_layer), layer_names(style_layers)
    if not (content_weight or style_weight):
        raise ArgumentError("The weights α and β are not both 0: nothing would be wanted of the picture.")
    original = load_image(photo, size)
    height, width = original.shape[:2]
    given = list(painting) if isinstance(painting, (list, tuple)) else [painting]
    originals = [load_image(each) for each in given]
    sides = [painting_side(min(height, width), min(each.shape[:2]), painting_scale) for each in originals]
    originals = [load_image(each, side) for each, side in zip(originals, sides, strict=True)]
    regions = None if masks is None else [load_mask(mask, height, width) for mask in masks]
    parts = _parts(painting_masks, originals)
    style_weights = [style_weight * share for share in _shares(blend, len(given), regions)]
    seen = [colours_for(colours, original, each) for each in originals]
    content, paintings = seen[0][0], [each for _, each in seen]
    network = _network(arguments)
    least = min(min(each.shape[:2]) for each in (original, *paintings))
    sizes = pyramid(height, width, _scales(scales, least))
    inputs = {"photo": original, **dict(zip(_numbered("painting", len(given)), originals, strict=True))}
    _check_sides(inputs, (content_layer, *style_layers), sizes)

    def build(to_height: int, to_width: int, tiling: Tiling | None, network: Network) -> Evaluate:
        of_photo = preprocess(resize_image(content, to_height, to_width))
        of_paintings = [preprocess(_scaled(each, to_height / height)) for each in paintings]
        features = feature_maps(of_photo, [content_layer], network, tiling)
        wanted = [content_term(features[content_layer], content_layer, content_weight, content_per_entry)]
        for number, name in enumerate(_numbered("style", len(paintings))):
            if style_weights[number] == 0 and len(paintings) > 1:
                continue
            of_painting = of_paintings[number]
            mask = regions and _at_layers(regions[number], (to_height, to_width), style_layers)
            part = _at_layers(parts[number], of_painting.shape[1:3], style_layers)
            aims = styles(of_painting, style_layers, network, tiling, part)
            wanted.append(style_term(aims, style_weights[number], layer_weights, name, statistic, mask))
        scene = Scene(of_photo, tuple(of_paintings), lambda of, layers: feature_maps(of, layers, network))
        wanted += build_terms(terms or {}, scene)
        return objective(wanted, *network, tiling=tiling)

    return _run(
        "transfer",
        {**arguments, "content_layer": content_layer, "style_layers": style_layers},
        inputs,
        (content_layer, *style_layers),
        network,
        build,
        _start(start, {"photo": content, "painting": paintings[0]}, seed),
        sizes,
        callback,
        progress,
        (lambda image: with_colours_of(image, resize_image(original, *image.shape[:2])))
        if colours == "luminance"
        else None,
    )


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]


def painting_side(photo_side: int, own_side: int, scale: float) -> int:
    """The shorter side at which a painting is used, from the photo's, its own, and its scale."""
    return max(1, round(scale * min(photo_side, own_side)))


def _shares(blend: Sequence[float] | None, count: int, regions: Sequence[np.ndarray] | None) -> list[float]:
    """What share of the style's weight each painting has: as ``blend`` has it, and the area of its region.

    A region's Gram matrix is divided by its area, so its style pulls at each of its positions the harder
    the smaller it is; the share of the area undoes that, and every place is painted as strongly.
    """
    blend = [1.0] * count if blend is None else list(blend)
    for each in blend:
        check_number("A painting's weight in a blend", each)
    if len(blend) != count:
        raise ArgumentError(f"There are {count} paintings and {len(blend)} weights to blend them with.")
    if not any(blend):
        raise ArgumentError(f"The weights of a blend are not all 0; these are {blend}.")
    if regions is None:
        return [each / sum(blend) for each in blend]
    if len(regions) != count:
        raise ArgumentError(f"There are {count} paintings and {len(regions)} masks to say where they go.")
    areas = [float(region.mean()) for region in regions]
    shares = [each * area for each, area in zip(blend, areas, strict=True)]
    if not sum(shares):
        raise ArgumentError("The masks leave no place to paint: they are black wherever a painting counts.")
    return [share / sum(shares) * min(1.0, sum(areas)) for share in shares]


def _parts(masks: Sequence[Any] | None, paintings: Sequence[np.ndarray]) -> list[np.ndarray | None]:
    """The part of each painting that is looked at, of the painting's size; ``None`` for all of it."""
    if masks is None:
        return [None] * len(paintings)
    if len(masks) != len(paintings):
        raise ArgumentError(f"There are {len(paintings)} paintings and {len(masks)} masks of parts of them.")
    return [
        None if mask is None else load_mask(mask, *painting.shape[:2])
        for mask, painting in zip(masks, paintings, strict=True)
    ]


def _at_layers(
    mask: np.ndarray | None, size: tuple[int, int], layers: Iterable[str]
) -> dict[str, Any] | None:
    """A mask at the positions of some layers, for a picture of another height and width."""
    return None if mask is None else masks_at(resize_mask(mask, *size), layers)


def _run(
    recipe: str,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, np.ndarray],
    layers: Sequence[str],
    network: Network,
    build: Callable[[int, int, Tiling | None, Network], Evaluate],
    start: Callable[[int, int], np.ndarray],
    sizes: list[tuple[int, int]],
    callback: Callback | None,
    progress: bool,
    finish: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Result:
    """Run a recipe. ``finish``: what is done to an image before anyone sees it."""
    steps = arguments["steps"]
    available = memory_installed() if arguments["deterministic"] else None
    precision = _precision(arguments)

    def fitting(size: tuple[int, int], network: Network) -> Tiling | None:
        return fitting_tiling(*size, layers, network.precision, arguments["memory"], available)

    tilings = {size: fitting(size, network) for size in sizes}
    logger.info("Heights and widths %s, computed in %s, tiles %s.", sizes, precision, list(tilings.values()))
    noted = {name: _json_ready(value) for name, value in arguments.items() if name not in NO_SETTINGS}
    fingerprints = {name: fingerprint(image) for name, image in inputs.items()}
    state, keep = _kept(arguments, {"recipe": recipe, "arguments": noted, "inputs": fingerprints}, sizes)
    shares = shared_steps(steps, len(sizes))
    costs = [
        height * width for (height, width), share in zip(sizes, shares, strict=True) for _ in range(share)
    ]
    network = network._replace(sliding=sum(costs) < WINOGRAD_PAYS)
    done = 0
    if state is not None:
        in_its_sizes = state.scale < len(sizes)
        done = sum(shares[: state.scale]) + state.taken if in_its_sizes else len(state.history)

    def finer(height: int, width: int) -> Evaluate:
        exact = network._replace(precision="float32")
        return build(height, width, fitting((height, width), exact), exact)

    def finished(image: np.ndarray) -> np.ndarray:
        return image if finish is None else as_uint8(finish(image))

    with progress_bar(recipe.replace("_", " "), costs, shown=progress, done=done) as show:

        def after_step(record: Record, image: Callable[[], np.ndarray]) -> None:
            show(record, lambda: finished(image()))
            if callback is not None:
                callback(record, lambda: finished(image()))

        pixels, history = coarse_to_fine(
            lambda height, width: build(height, width, tilings[height, width], network),
            start,
            sizes,
            steps=steps,
            optimizer=arguments["optimizer"],
            coordinates=arguments["coordinates"],
            tolerance=arguments["tolerance"],
            finer=finer if precision == "mixed" else None,
            callback=after_step,
            resume=state,
            keep=keep,
        )
    settings = {
        "recipe": recipe,
        "arguments": {**noted, "weights": network.weights, "precision": precision},
        "inputs": fingerprints,
        "steps_taken": len(history),
        "weights": {"name": network.weights, "sha256": weights_checksum(network.weights)},
        "device": device(),
        "versions": versions(),
    }
    return Result(finished(deprocess(pixels)), history, settings)


def _network(arguments: Mapping[str, Any]) -> Network:
    """The network that a run begins with."""
    if arguments["deterministic"]:
        make_deterministic()
    precision = _precision(arguments)
    return Network(
        resolve_weights(arguments["weights"]),
        arguments["pooling"],
        bool(arguments["normalised"]),
        "bfloat16" if precision == "mixed" else precision,
    )


def _precision(arguments: Mapping[str, Any]) -> PrecisionOfRun:
    asked = arguments["precision"]
    # Which precision is faster here is measured, and may be measured otherwise the next time.
    is_to_measure = isinstance(asked, str) and asked == "auto"
    return resolve_precision("float32" if is_to_measure and arguments["deterministic"] else asked)


def _kept(
    arguments: Mapping[str, Any], run: Mapping[str, Any], sizes: Sequence[tuple[int, int]]
) -> tuple[State | None, Keep | None]:
    """What a run goes on from, and what keeps it as it goes."""
    checkpoint, resume = arguments["checkpoint"], arguments["resume"]
    if isinstance(resume, (str, os.PathLike)):
        source, checkpoint = Path(resume), checkpoint or resume
    elif resume and not checkpoint:
        raise ArgumentError("To resume a run, name the file that it was kept in as its checkpoint.")
    else:
        source = Path(checkpoint) if resume else None
    if not checkpoint:
        return None, None
    # How much memory a run may take changes nothing that it computes.
    run = {**run, "arguments": {k: v for k, v in run["arguments"].items() if k != "memory"}}
    path = prepare_checkpoint(checkpoint)
    state = None
    if source is not None and (resume is not True or source.exists()):
        state = load_checkpoint(source, run, [*sizes, sizes[-1]])
        logger.info("Going on from step %d, kept in %s.", len(state.history), source)
    return state, keeping(path, run, arguments["checkpoint_every"])


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a run's numbers depend on."""
    # Asked of the modules: the package of TensorFlow also goes by other names, such as tensorflow-cpu.
    names = ("keras", "numpy", "pillow", "scipy", keras.backend.backend())
    modules = {name: importlib.import_module("PIL" if name == "pillow" else name) for name in names}
    return {
        "python": platform.python_version(),
        **{name: module.__version__ for name, module in modules.items()},
    }


def _start(start: Any, named: Mapping[str, np.ndarray], seed: int) -> Callable[[int, int], np.ndarray]:
    if isinstance(start, str) and start == "noise":
        return lambda height, width: preprocess(white_noise(height, width, seed))
    if isinstance(start, Result):
        image = load_image(start.image)
    elif isinstance(start, str) and start in named:
        image = named[start]
    else:
        try:
            image = load_image(start)
        except MissingFileError:
            names = ", ".join(repr(name) for name in ("noise", *named))
            raise MissingFileError(
                f"A run starts from {names} or a picture, and there is no file {shown(start)}."
            ) from None
    return lambda height, width: preprocess(_cover(image, height, width))


def _cover(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an image until it covers (height, width), and cut off what hangs over on both sides."""
    scale = max(height / image.shape[0], width / image.shape[1])
    tall, wide = max(height, round(image.shape[0] * scale)), max(width, round(image.shape[1] * scale))
    top, left = (tall - height) // 2, (wide - width) // 2
    return resize_image(image, tall, wide)[top : top + height, left : left + width]


def _scales(asked: int | None, *sides: int) -> int:
    return natural_scales(min(sides)) if asked is None else asked


def _scaled(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    return resize_image(image, max(1, round(height * factor)), max(1, round(width * factor)))


def _check_sides(
    images: Mapping[str, np.ndarray], layers: Iterable[str], sizes: list[tuple[int, int]]
) -> None:
    needed = smallest_side(layers)
    reduction = sizes[0][0] / sizes[-1][0]
    for name, image in images.items():
        if min(image.shape[:2]) * reduction < needed:
            raise ArgumentError(
                f"The {name} is {image.shape[1]} × {image.shape[0]} pixels; its shorter side needs "
                f"{round(needed / reduction)} for these layers"
                + (f" at {len(sizes)} scales." if len(sizes) > 1 else ".")
            )


def _json_ready(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    if isinstance(value, os.PathLike):
        path = Path(value).absolute()
        return path.stem if path.is_relative_to(IMAGES) else os.fspath(value)
    if isinstance(value, Term) or callable(value):
        return {"given_as": type(value).__name__}
    if isinstance(value, Mapping):
        return {str(name): _json_ready(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_ready(entry) for entry in value]
    return {"given_as": type(value).__name__}


def fingerprint(image: np.ndarray) -> dict[str, Any]:
    """The width, height and sha256 by which a run's settings know an image ``(H, W, 3)``."""
    height, width = image.shape[:2]
    return {
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(np.ascontiguousarray(as_uint8(image)).tobytes()).hexdigest(),
    }
