"""The options of the recipes that are set once, in three groups: the losses, the network, and the run.

A group is given whole, ``transfer(…, run=Run(scales=1))``, or as a mapping, as a file in JSON has it. What is
``None`` in it has the default that the recipe's own text states.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar, dataclass_transform, get_args

from helpers.errors import ArgumentError, check_choice, check_number, check_whole, nearest, shown
from helpers.layers import Pooling, layer_name

Precision = Literal["float32", "bfloat16"]
"""What the convolutions compute in. bfloat16 has the range of float32 and 8 of its 24 significand bits; it
halves the memory of feature maps and is faster on some processors and slower on others.

The first convolution computes in float32 either way: its inputs are the pixels, which 8 bits would round to
whole gray levels.
"""

RunPrecision = Literal["auto", "float32", "bfloat16", "mixed"]
Optimizer = Literal["lbfgs", "adam"]
Parametrization = Literal["pixels", "cosine"]
Statistic = Literal["gram", "shifted gram", "mean and covariance"]

LayerWeights = Mapping[str, float] | float
"""The w_l of equation (5): a weight for each layer, or a number r, the weight of each layer relative to that
of the layer before it: w_l ∝ r^l, in sum 1. Below 1 the fine strokes of the first layers count for more."""

MOST_SCALES = 16
"""A picture halved as often is smaller than one that has a position in every layer."""

Group = TypeVar("Group")


def option(default: Any, help: str, metavar: str | None = None) -> Any:
    """A field of a group: its default, and what it does, for the group's text and for the command line."""
    return dataclasses.field(default=default, metadata={"help": help, "metavar": metavar})


@dataclass_transform(frozen_default=True, field_specifiers=(option,))
def group(cls: type) -> type:
    """Make a frozen dataclass whose docstring tells what each of its fields does."""
    cls = dataclasses.dataclass(frozen=True)(cls)
    told = "\n".join(f"    ``{field.name}``: {field.metadata['help']}." for field in dataclasses.fields(cls))
    cls.__doc__ = f"{cls.__doc__.rstrip()}\n\n{told}\n    "
    return cls


@group
class Losses:
    """How content and style are measured.

    Raises ``ArgumentError`` for a value that does not fit.
    """

    layer_weights: LayerWeights | None = option(
        None,
        "the weight of each style layer, or one number, the weight of each relative to that of the one "
        "before; 1 / number of layers each if not given",
        "LAYER=W",
    )
    statistic: Statistic = option("gram", "the statistic of the feature maps that style is compared by")
    content_per_entry: bool = option(
        True, "divide equation (1) by its number of summands, N·M, so that one β serves every size"
    )

    def __post_init__(self) -> None:  # noqa: D105
        check_choice("The statistic", self.statistic, get_args(Statistic))
        _check_truth("content_per_entry", self.content_per_entry)
        weights = self.layer_weights
        for layer, weight in weights.items() if isinstance(weights, Mapping) else ():
            layer_name(layer)
            check_number(f"The weight of {layer}", weight)
        if weights is not None and not isinstance(weights, Mapping):
            what = "The option layer_weights, unless a dict by the names of layers,"
            check_number(what, weights, above=True, most=1000.0)


@group
class Network:
    """Which VGG19 computes the feature maps, and in which precision.

    Raises ``ArgumentError`` for a value that does not fit.
    """

    weights: str | os.PathLike = option(
        "auto",
        "auto (Keras' file where it is cached, else bundled), imagenet, bundled, random or a file",
        "NAME",
    )
    pooling: Pooling = option("avg", "avg, as in the paper, or max, as VGG19 was trained")
    normalized: bool | None = option(
        None, "scale each filter to mean activation 1, so that every style layer counts"
    )
    precision: RunPrecision | None = option(
        None,
        "auto (the faster one here), float32, bfloat16, or mixed, which ends in float32",
    )

    def __post_init__(self) -> None:  # noqa: D105
        check_choice("Pooling", self.pooling, get_args(Pooling))
        _check_truth("normalized", self.normalized, none=True)
        if self.precision is not None:
            check_choice("The precision", self.precision, get_args(RunPrecision))


@group
class Run:
    """How an objective is minimized, and how the run is kept.

    Raises ``ArgumentError`` for a value that does not fit.
    """

    optimizer: Optimizer = option("lbfgs", "lbfgs or adam")
    parametrization: Parametrization | None = option(
        None, "what L-BFGS optimizes: the pixels, or the cosine coefficients of the image"
    )
    scales: int | None = option(
        None, "the number of sizes of a coarse-to-fine run; 1, as in the paper, for the full size only"
    )
    tolerance: float | None = option(
        None, "end early where ten steps lower the loss by less than this fraction, such as 0.01"
    )
    memory: float | None = option(
        None,
        "RAM that the run may use, in GB; three quarters of what is free if not given. An image that is too "
        "large for that is evaluated in tiles",
        "GB",
    )
    deterministic: bool = option(
        False, "the same image, bit for bit, whenever the same call runs on the same machine"
    )
    checkpoint: str | os.PathLike | None = option(
        None, "a file that the state of the run is written to as it goes", "FILE"
    )
    checkpoint_every: float = option(30.0, "seconds between two checkpoints", "SECONDS")
    resume: bool | str | os.PathLike = option(
        False, "continue from the checkpoint if there is one, or from another run's file"
    )
    progress: bool = option(True, "show a bar with the time left")

    def __post_init__(self) -> None:  # noqa: D105
        check_choice("The optimizer", self.optimizer, get_args(Optimizer))
        if self.parametrization is not None:
            check_choice("The parametrization", self.parametrization, get_args(Parametrization))
        if self.scales is not None:
            check_whole("The number of sizes of a run", self.scales, 1, MOST_SCALES)
        if self.tolerance is not None:
            check_number("The tolerance, a fraction of the loss,", self.tolerance, most=1.0)
        if self.memory is not None:
            check_number("The memory, in GB,", self.memory, above=True)
        check_number("The time between checkpoints, in seconds,", self.checkpoint_every)
        for path in (self.checkpoint, None if isinstance(self.resume, bool) else self.resume):
            if path is not None and not (isinstance(path, (str, os.PathLike)) and os.fspath(path)):
                raise ArgumentError(f"A checkpoint is the path of a file, not {shown(path)}.")
        _check_truth("deterministic", self.deterministic)
        _check_truth("progress", self.progress)


GROUPS: Mapping[str, type] = MappingProxyType({"losses": Losses, "network": Network, "run": Run})
"""The groups by the names of the arguments that take them."""

_GROUP_OF = {field.name: name for name, kind in GROUPS.items() for field in dataclasses.fields(kind)}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "quick": MappingProxyType({"size": 160, "steps": 40}),
        "balanced": MappingProxyType({"size": 256, "steps": 80}),
        "fine": MappingProxyType({"size": 512, "steps": 120}),
    }
)
"""Sizes and steps of a transfer, as arguments of ``transfer``: ``transfer(…, **PRESETS["quick"])``.

``quick`` to try things out, ``balanced`` for a finished picture, ``fine`` for one to be printed.
"""


def filled(kind: Callable[..., Group], given: Group | Mapping[str, Any], **defaults: Any) -> Group:
    """A group of options with a recipe's defaults in place of ``None``.

    ``given``: the group, or a mapping of its fields. Raises ``ArgumentError`` for anything else, and for a
    field that the group does not have.
    """
    if isinstance(given, Mapping):
        names = [field.name for field in dataclasses.fields(kind)]
        for name in given:
            if name not in names:
                near = ", ".join(nearest(name, names))
                raise ArgumentError(f"{kind.__name__} has no {shown(name)}; near are {near}.")
        given = kind(**given)
    if not isinstance(given, kind):
        raise ArgumentError(f"These options are given as {kind.__name__}(…), not {shown(given)}.")
    unset = {name: value for name, value in defaults.items() if getattr(given, name) is None}
    return dataclasses.replace(given, **unset)


def merged(*given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a recipe from several sources, of which the later override the earlier.

    A group of options is overridden field by field, and comes as a mapping of what is not its default. Fields
    of a group may also stand by themselves: ``scales=1`` is ``run={"scales": 1}``.
    """
    together: dict[str, Any] = {}
    for name, value in (item for arguments in given for item in arguments.items()):
        group = _GROUP_OF.get(name, name)
        if group not in GROUPS:
            together[name] = value
            continue
        if group != name:
            value = {name: value}
        elif type(value) is GROUPS[group]:
            defaults = vars(GROUPS[group]())
            value = {field: entry for field, entry in vars(value).items() if entry != defaults[field]}
        known = together.get(group, {})
        # What is no group of options stays as it is, and will be refused as such.
        if isinstance(known, Mapping):
            together[group] = {**known, **value} if isinstance(value, Mapping) else value
    return together


def _check_truth(name: str, value: Any, none: bool = False) -> None:
    if not (isinstance(value, bool) or (none and value is None)):
        raise ArgumentError(f"The option {name} is True or False, not {shown(value)}.")
