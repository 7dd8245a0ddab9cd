"""The report of the benchmark: the machine, tables of what was measured, and a plot."""

import itertools
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.compute.framework import BACKEND, gpu
from helpers.compute.precision import faster_precision
from helpers.engine.memory import GB
from helpers.engine.run import versions


def machine() -> dict[str, Any]:
    """The processor or GPU that was measured, the backend, and the versions."""
    import psutil

    name, of_gpu = platform.processor() or platform.machine(), gpu()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return {
        "processor": name,
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / GB, 1),
        "gpu": of_gpu and of_gpu.name,
        "backend": BACKEND,
        "faster_precision": faster_precision(),
        "versions": json.dumps(versions()),
    }


def print_records(title: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Print records with the same fields as a table: a row for each record, a column for each field."""
    print(f"\n{title}")
    if records:
        headings = [name.replace("_", " ") for name in records[0]]
        rows = [[_entry(name, value) for name, value in record.items()] for record in records]
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        for first, *others in [headings, *rows]:
            aligned = [entry.rjust(width) for entry, width in zip(others, widths[1:], strict=True)]
            print("  ".join(["", first.ljust(widths[0]), *aligned]))
    print(flush=True)


def _entry(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "share":
        return f"{value:.1%}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_races(found: Mapping[str, Any]) -> None:
    """Print when each configuration reached the goal, and the tutorials' times beside the course's."""
    reference = found["reference"]
    print_records(
        f"Until the loss is within 10 % of {reference['loss']:.4g}, the loss of a run of "
        f"{reference['evaluations']:.0f} evaluations",
        [{"configuration": name, **race} for name, race in found["races"].items()],
    )
    if found["sooner"]:
        print_records(
            "Until the loss at the end of a tutorial: its seconds, those of the preset balanced, their ratio",
            [
                {
                    "tutorial": name,
                    **times,
                    "ratio": times["seconds_here"] and times["seconds"] / times["seconds_here"],
                }
                for name, times in found["sooner"].items()
            ],
        )


def draw_losses(found: Mapping[str, Any], path: Path) -> None:
    """Plot the loss at full size over time, one curve for each configuration, and save the plot."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 5.2))
    colors = matplotlib.colormaps["tab20"].colors
    for color, (name, points) in zip(itertools.cycle(colors), found["histories"].items(), strict=False):
        full_size = [(seconds, loss) for seconds, size, loss in points if size == found["side"]]
        dashes = "--" if "tutorial" in name else "-"
        axes.loglog(*zip(*full_size, strict=True), dashes, color=color, label=name, linewidth=1.6)
        axes.plot(*full_size[-1], "o", color=color, markersize=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "25" else "")
    goal = found["reference"]["goal"]
    axes.axhline(goal, color="gray", linewidth=1, linestyle=":")
    place = {"xy": (axes.get_xlim()[0], goal), "textcoords": "offset points", "xytext": (4, 4)}
    axes.annotate("within 10 % of the loss of a long run", color="gray", **place)
    axes.set_xlabel("seconds, without compilation")
    axes.set_ylabel("total loss at full size")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
