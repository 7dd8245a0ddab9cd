"""Named sets of a transfer's settings, by how much patience they take."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "quick": MappingProxyType({"size": 160, "steps": 40}),
        "balanced": MappingProxyType({"size": 256, "steps": 80}),
        "fine": MappingProxyType({"size": 512, "steps": 120}),
    }
)
"""How much patience a transfer takes, as arguments of ``transfer``: ``transfer(…, **PRESETS["quick"])``.

``quick`` to try things out, ``balanced`` for a finished picture, ``fine`` for one to be printed.
"""
