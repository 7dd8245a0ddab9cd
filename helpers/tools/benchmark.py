"""Where the time goes on this machine, and which way reaches a picture first: ``course.py benchmark``.

Every figure comes from the run that prints it. Times are the best or the sum of what was measured in that
one run; compare them as ratios, since machines are busy with other things too.
"""

import dataclasses
import itertools
import json
import math
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from helpers.compute.framework import BACKEND, compiled, device, gpu_memory_peak, gpu_name, keras
from helpers.compute.precision import faster_precision, resolve_precision
from helpers.engine.coarse_to_fine import ROUGH_STEPS, Record
from helpers.engine.lbfgs import history_length, lbfgs, lbfgs_without_search
from helpers.engine.memory import GB
from helpers.engine.objective import Evaluate, objective
from helpers.engine.optimizers import Steps, adam
from helpers.engine.run import versions
from helpers.engine.tiling import feature_maps, styles
from helpers.images import load_image, preprocess
from helpers.layers import CONTENT_LAYER, CONV_LAYERS, STYLE_LAYERS, filters, layers_up_to, stride
from helpers.options import PRESETS, Precision, RunPrecision, merged
from helpers.recipes import transfer
from helpers.terms import content_term, style_term
from helpers.vgg import Extractor, winograd_layers

LAYERS = (CONTENT_LAYER, *STYLE_LAYERS)
STYLE_WEIGHT = 50.0

WITHIN = 1.1
"""A run has arrived where its loss is within 10 % of the long reference run's."""

_SHOWN_IN_BFLOAT16 = 0.997
"""What a network in bfloat16 shows of a loss in float32, at the least: with Winograd's products it was
measured to show up to 0.3 % too little, so it has to go that much further."""


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much a benchmark does."""

    side: int
    """Shorter side of the picture that the ways race to."""
    reference_steps: int
    most_evaluations: int
    """A way that has not arrived by then is given up."""
    overhead_sides: tuple[int, ...]
    memory_sides: tuple[int, ...]
    presets: tuple[str, ...]
    tutorials_to_their_end: bool


FULL = Extent(192, 400, 1000, (256, 512), (256, 512, 1024), tuple(PRESETS), True)
QUICK = Extent(80, 60, 70, (256,), (256,), ("quick",), False)


def benchmark(content: Any, style: Any, folder: Path, extent: Extent = FULL) -> dict[str, Any]:
    """Measure, print each table as it is there, and write ``benchmark.json`` and ``benchmark.png``.

    ``content``, ``style``: whatever ``load_image`` accepts. ``folder``: must exist.
    Returns what the JSON file holds.
    """
    print("Measuring the memory of whole transfers first, each in a process of its own.", flush=True)
    # First, since a framework that has begun with a GPU leaves no memory of it to another process.
    of_runs = [memory_of_a_run(*run) for run in itertools.product(extent.memory_sides, get_args(Precision))]
    found: dict[str, Any] = {"machine": machine(), "side": extent.side, "memory": of_runs}
    print(", ".join(f"{name}: {value}" for name, value in found["machine"].items() if value), flush=True)

    _print_table(
        "Peak memory of a whole transfer, in GB: "
        + ("of the GPU" if device() == "gpu" else "the program itself included"),
        ("side", "precision", "tiles", "measured", "estimated"),
        [
            (each["side"], each["precision"], each["tiling"] or "none", each["gb"], each["estimated_gb"])
            for each in found["memory"]
        ],
    )
    found["evaluations"] = evaluations(content, style)
    _print_table(
        "One evaluation: loss and gradient with respect to the pixels",
        ("side", "precision", "convolutions", "seconds", "GFLOP/s", "matrix products", "share"),
        [
            (
                each["side"],
                each["precision"],
                "direct" if each["direct"] else "Winograd's",
                each["seconds"],
                each["gflops"],
                each["products"],
                f"{each['share']:.0%}",
            )
            for each in found["evaluations"]
        ],
    )
    found["overhead"] = [
        overhead(content, style, side, parametrization)
        for side in extent.overhead_sides
        for parametrization in ("pixels", "cosine")
    ]
    _print_table(
        "A step of L-BFGS beside its evaluation, in float32",
        ("side", "parametrization", "milliseconds", "of an evaluation"),
        [
            (each["side"], each["parametrization"], 1000 * each["seconds"], f"{each['share']:.1%}")
            for each in found["overhead"]
        ],
    )
    found["pictures"] = [finished_picture(content, style, preset) for preset in extent.presets]
    _print_table(
        "A finished picture, from the call to the picture",
        ("preset", "pixels", "evaluations", "seconds", "and again"),
        [
            (each["preset"], each["pixels"], each["evaluations"], each["seconds"], each["again"])
            for each in found["pictures"]
        ],
    )
    found |= races(content, style, extent)
    _print_races(found)
    (folder / "benchmark.json").write_text(json.dumps(found), encoding="utf-8")
    _draw(found, folder / "benchmark.png")
    print(f"{folder / 'benchmark.json'}, {folder / 'benchmark.png'}")
    return found


def machine() -> dict[str, Any]:
    """What the figures are of: the processor or GPU, the backend, and the versions."""
    import psutil

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return {
        "processor": name,
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / GB, 1),
        "gpu": gpu_name(),
        "backend": BACKEND,
        "faster_precision": faster_precision(),
        "versions": json.dumps(versions()),
    }


def operations(height: int, width: int, layers: Sequence[str] = LAYERS) -> float:
    """The floating-point operations of one evaluation: convolutions and Gram matrices, there and back.

    A convolution costs 2 · 9 · N_in · N_out operations at each of its M positions, and as many again for the
    gradient with respect to what goes in. A Gram matrix costs 2 · N² · M, and as many again.
    """
    total, channels = 0.0, 3
    for layer in layers_up_to(layers):
        positions = (height // stride(layer)) * (width // stride(layer))
        if layer in CONV_LAYERS:
            total += 2 * (2 * 9 * channels * filters(layer) * positions)
            channels = filters(layer)
        if layer in STYLE_LAYERS:
            total += 2 * (2 * filters(layer) ** 2 * positions)
    return total


def matrix_product(precision: Precision, side: int) -> Callable[[], None]:
    """Multiply two square matrices, and wait until it is done."""
    matrix = keras.ops.convert_to_tensor(
        np.random.default_rng(0).standard_normal((side, side), dtype=np.float32), precision
    )
    product = compiled(lambda matrix: keras.ops.matmul(matrix, matrix))
    return lambda: _wait(product(matrix))


def evaluations(content: Any, style: Any) -> list[dict[str, Any]]:
    """One evaluation in both precisions at 256², 512² and on a GPU 1024²; its share of the products' speed.

    Products of matrices 2048 wide, on a GPU 8192, are timed between the evaluations that they are compared
    with, since a machine may be slower a minute later. Operations are counted as a direct kernel needs
    them, also where fewer do: a share may be above 1.
    """
    found = []
    of_gpu = device() == "gpu"
    width = 8192 if of_gpu else 2048
    sides = (256, 512, 1024) if of_gpu else (256, 512)
    for side, precision, direct in itertools.product(sides, get_args(Precision), (True, False)):
        if not direct and not winograd_layers(precision):
            continue
        evaluate, pixels = prepared(content, style, side, precision, crop=True, direct=direct)
        loss = evaluate(pixels)[0]["total"]
        seconds, of_product = _best_in_turn(
            lambda evaluate=evaluate, pixels=pixels: _wait(evaluate(pixels)[1]),
            matrix_product(precision, width),
        )
        gflops = operations(side, side) / seconds / 1e9
        products = 2 * width**3 / of_product / 1e9
        found.append(
            {
                "side": side,
                "precision": precision,
                "direct": direct,
                "seconds": seconds,
                "gflops": gflops,
                "products": products,
                "share": gflops / products,
                "loss": loss,
            }
        )
    return found


def overhead(content: Any, style: Any, side: int, parametrization: Any, steps: int = 8) -> dict[str, Any]:
    """What a step of L-BFGS costs beside its evaluations, once its memory is full."""
    evaluate, pixels = prepared(content, style, side, "float32", crop=True)
    spent: list[float] = []

    def timed(pixels: Any) -> tuple[dict[str, float], Any]:
        began = time.perf_counter()
        losses, gradient = evaluate(pixels)
        _wait(gradient)
        spent.append(time.perf_counter() - began)
        return losses, gradient

    taken = lbfgs(timed, pixels, parametrization)
    filling = history_length(*pixels.shape[1:3])
    of_steps = []
    for _ in range(filling + steps):
        spent.clear()
        began = time.perf_counter()
        next(taken)
        of_steps.append((time.perf_counter() - began - sum(spent), min(spent)))
    beside, evaluation = np.median(of_steps[filling:], axis=0).tolist()
    return {"side": side, "parametrization": parametrization, "seconds": beside, "share": beside / evaluation}


def memory_of_a_run(side: int, precision: Precision) -> dict[str, Any]:
    """The most memory that a transfer of a square picture takes, in a process of its own."""
    program = (
        "import json, sys, numpy as np\n"
        "from helpers import transfer\n"
        "from helpers.tools.benchmark import LAYERS, peak_of_this_process\n"
        "from helpers.engine.memory import GB, fitting_tiling, peak_memory\n"
        "side, precision = int(sys.argv[1]), sys.argv[2]\n"
        "photo = np.random.default_rng(0).uniform(0, 255, (side, side, 3))\n"
        "tiling = fitting_tiling(side, side, LAYERS, precision)\n"
        "run = {'scales': 1, 'progress': False}\n"
        "transfer(photo, photo[::-1], steps=4, network={'precision': precision}, run=run)\n"
        "print(json.dumps({\n"
        "    'tiling': tiling and f'{tiling.side} to {tiling.cut or \"the end\"}',\n"
        "    'gb': peak_of_this_process() / GB,\n"
        "    'estimated_gb': peak_memory(side, side, LAYERS, precision, tiling) / GB,\n"
        "}))"
    )
    command = [sys.executable, "-c", program, str(side), precision]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return {"side": side, "precision": precision, **json.loads(done.stdout.splitlines()[-1])}


def peak_of_this_process() -> int:
    """The most memory that this process has held so far, in bytes: of the GPU where it computes on one."""
    of_gpu = gpu_memory_peak()
    if of_gpu is not None:
        return of_gpu
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage tells on Linux counts the process that started this one as well.
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        return 1024 * int(peak)
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def finished_picture(content: Any, style: Any, preset: str) -> dict[str, Any]:
    """How long a preset takes: what a user waits for, and the same again, with everything compiled."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        painted = transfer(
            content, style, **PRESETS[preset], network={"weights": "bundled"}, run={"progress": False}
        )
        seconds.append(time.perf_counter() - began)
    height, width, _ = painted.image.shape
    return {
        "preset": preset,
        "pixels": f"{width} × {height}",
        "evaluations": painted.history[-1]["evaluations"],
        "seconds": seconds[0],
        "again": seconds[1],
    }


def races(content: Any, style: Any, extent: Extent) -> dict[str, Any]:
    """How soon each way comes within 10 % of the loss of a long run, on the same picture and objective."""
    side = extent.side
    content = load_image(content, side)
    style = load_image(style, side)
    offered = ways()
    print(f"Racing to a picture of {content.shape[1]} × {content.shape[0]} pixels.", flush=True)
    for arguments in offered.values():
        # Compiling comes before the clock: a user meets it once.
        _raced(content, style, {**arguments, "steps": 3}, 0.0)
    reference = _raced(content, style, {"scales": 1, "steps": extent.reference_steps}, 0.0)
    loss = reference[-1]["total"]
    goal = WITHIN * loss
    most = extent.most_evaluations
    found = {
        name: _raced(content, style, {"steps": most, **arguments}, goal)
        for name, arguments in offered.items()
    }
    # Convolved as the tutorials do, in their precision.
    evaluate, pixels = prepared(content, style, side, "float32", direct=True)
    evaluate(pixels)
    for name, (begin, steps) in tutorials().items():
        stop_at = -np.inf if extent.tutorials_to_their_end else goal
        found[name] = _followed(begin(evaluate, pixels), min(steps, most), stop_at)
    ends = {name: found[name][-1]["total"] for name in tutorials() if extent.tutorials_to_their_end}
    presets = {**PRESETS["balanced"], "size": None, "precision": resolve_precision("auto"), "steps": most}
    sooner = {}
    for name, end in ends.items():
        own = _arrival(_raced(content, style, presets, end), end, side, presets["precision"])
        sooner[name] = {
            "loss": end,
            "seconds": found[name][-1]["seconds"],
            "seconds_here": own and own["seconds"],
        }
    return {
        "reference": {"loss": loss, "goal": goal, "evaluations": reference[-1]["evaluations"]},
        "races": {
            name: _summary(history, goal, side, offered.get(name, {}).get("precision", "float32"))
            for name, history in found.items()
        },
        "histories": {name: _points(history) for name, history in found.items()},
        "sooner": sooner,
    }


def ways() -> dict[str, dict[str, Any]]:
    """Every optimizer, start, precision and schedule on offer, as arguments of ``transfer``."""
    fast = resolve_precision("auto")
    plain = {"scales": 1, "precision": "float32"}
    offered: dict[str, dict[str, Any]] = {
        "L-BFGS, photo, one size, float32": plain,
        "L-BFGS, photo, one size, bfloat16": {**plain, "precision": "bfloat16"},
        "L-BFGS, painting, one size, float32": {**plain, "start": "style"},
        "L-BFGS, noise, one size, float32": {**plain, "start": "noise"},
        "L-BFGS in cosines, photo, one size, float32": {**plain, "parametrization": "cosine"},
        "L-BFGS in cosines, noise, one size, float32": {
            **plain,
            "parametrization": "cosine",
            "start": "noise",
        },
        "Adam, photo, one size, float32": {**plain, "optimizer": "adam"},
        "L-BFGS, photo, two sizes, float32": {"scales": 2, "precision": "float32"},
        f"as the presets have it: L-BFGS, photo, two sizes, {fast}": {"scales": 2, "precision": fast},
    }
    return offered


def tutorials() -> dict[str, tuple[Callable[[Evaluate, Any], Steps], int]]:
    """The optimizers of two well-known tutorials, each with its number of steps.

    TensorFlow's: Adam, learning rate 0.02 on colors from 0 to 1, β1 0.99; its ε of 0.1 is nothing beside
    the gradients of its loss, which is some millions of times ours, so it is left at almost 0 here.
    PyTorch's: L-BFGS, full steps without a line search, a memory of 100, colors clamped.
    """
    return {
        "Adam as in the TensorFlow tutorial": (
            lambda evaluate, pixels: adam(evaluate, pixels, keras.optimizers.Adam(0.02 * 255, beta_1=0.99)),
            1000,
        ),
        "L-BFGS as in the PyTorch tutorial": (lbfgs_without_search, 300),
    }


def prepared(
    content: Any, style: Any, side: int, precision: Precision, crop: bool = False, direct: bool = False
) -> tuple[Evaluate, Any]:
    """The objective of a transfer with its default weights, and the photo's pixels as a tensor."""
    extractor = Extractor("bundled", "avg", True, precision, direct)
    of_content = preprocess(load_image(content, side, crop))
    of_style = preprocess(load_image(style, side, crop))
    features = feature_maps(of_content, [CONTENT_LAYER], extractor)
    terms = [
        content_term(features[CONTENT_LAYER], CONTENT_LAYER, 1.0, per_entry=True),
        style_term(styles(of_style, STYLE_LAYERS, extractor), STYLE_WEIGHT),
    ]
    return objective(terms, *extractor), keras.ops.convert_to_tensor(of_content)


def _raced(content: Any, style: Any, arguments: Mapping[str, Any], goal: float) -> list[Record]:
    run = {"precision": "float32", "weights": "bundled", "style_weight": STYLE_WEIGHT, **arguments}
    history: list[Record] = []

    def arrived(record: Record, _: Any) -> None:
        history.append(record)
        if _arrival(history, goal, min(content.shape[:2]), run["precision"]):
            raise StopIteration

    return transfer(content, style, callback=arrived, **merged(run, {"progress": False})).history


def _followed(taken: Steps, steps: int, goal: float) -> list[Record]:
    history: list[Record] = []
    began = time.perf_counter()
    for number, (pixels, losses) in enumerate(itertools.islice(taken, steps), start=1):
        seconds = time.perf_counter() - began
        # These optimizers look at each picture once; the first evaluation is that of the start.
        history.append(
            {
                "step": number,
                "evaluations": number + 1,
                "seconds": seconds,
                "size": min(pixels.shape[1:3]),
                **losses,
            }
        )
        if losses["total"] <= goal:
            break
    return history


def _aim(goal: float, precision: RunPrecision, taken: int) -> float:
    """The loss that a run has to show after so many steps of its largest size."""
    rough = precision == "bfloat16" or (precision == "mixed" and taken <= ROUGH_STEPS)
    return goal * _SHOWN_IN_BFLOAT16 if rough else goal


def _arrival(history: Sequence[Record], goal: float, side: int, precision: RunPrecision) -> Record | None:
    there = (record for record in history if record["size"] == side)
    reached = (r for taken, r in enumerate(there, start=1) if r["total"] <= _aim(goal, precision, taken))
    return next(reached, None)


def _summary(history: Sequence[Record], goal: float, side: int, precision: RunPrecision) -> dict[str, Any]:
    """When a run arrived; small evaluations are counted by their share of a full one."""
    arrived = _arrival(history, goal, side, precision)
    last = arrived or history[-1]
    counts = {size: 0 for size in dict.fromkeys(record["size"] for record in history)}
    before = 0
    for record in itertools.takewhile(lambda record: record["step"] <= last["step"], history):
        counts[record["size"]] += record["evaluations"] - before
        before = record["evaluations"]
    return {
        "arrived": arrived is not None,
        "evaluations": last["evaluations"],
        "as_full_evaluations": sum(count * (size / side) ** 2 for size, count in counts.items()),
        "seconds": last["seconds"],
        "loss": last["total"],
    }


def _points(history: Sequence[Record]) -> list[tuple[float, float, float]]:
    # Rounded to what was measured, so that the file stays small.
    return [
        (round(record["seconds"], 2), record["size"], float(f"{record['total']:.5g}")) for record in history
    ]


def _wait(tensor: Any) -> None:
    # A number of it on the host: a GPU computes on while the host runs ahead.
    keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.ravel(tensor)[:1], "float32"))


def _best_in_turn(*functions: Callable[[], None], turns: int = 4) -> list[float]:
    """The shortest time of each of several functions, which are measured alternately."""
    seconds = [math.inf] * len(functions)
    for function in functions:
        function()
    for _ in range(turns):
        for number, function in enumerate(functions):
            began = time.perf_counter()
            function()
            seconds[number] = min(seconds[number], time.perf_counter() - began)
    return seconds


def _print_races(found: Mapping[str, Any]) -> None:
    reference = found["reference"]
    _print_table(
        f"Until the loss is within 10 % of {reference['loss']:.4g}, "
        f"reached by {reference['evaluations']:.0f} evaluations",
        ("", "evaluations", "as full ones", "seconds"),
        [
            (
                name,
                f"{'' if each['arrived'] else '> '}{each['evaluations']:.0f}",
                f"{each['as_full_evaluations']:.0f}",
                f"{'' if each['arrived'] else '> '}{each['seconds']:.1f}",
            )
            for name, each in found["races"].items()
        ],
    )
    if found["sooner"]:
        _print_table(
            "To the loss at a tutorial's end: its seconds, and those of the preset balanced",
            ("", "loss", "seconds", "balanced", "times sooner"),
            [
                (name, each["loss"], each["seconds"], each["seconds_here"] or "never", _times_sooner(each))
                for name, each in found["sooner"].items()
            ],
        )


def _times_sooner(each: Mapping[str, Any]) -> str:
    return f"{each['seconds'] / each['seconds_here']:.1f}" if each["seconds_here"] else "–"


def _print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    written = [
        [entry if isinstance(entry, str) else f"{entry:.4g}" for entry in row] for row in [list(head), *rows]
    ]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    print(f"\n{title}")
    for row in written:
        first, *others = (entry.rjust(width) for entry, width in zip(row, widths, strict=True))
        print("  " + "  ".join([row[0].ljust(len(first)), *others]))
    print(flush=True)


def _draw(found: Mapping[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 5.2))
    colors = matplotlib.colormaps["tab20"].colors
    for color, (name, points) in zip(itertools.cycle(colors), found["histories"].items(), strict=False):
        whole = [(seconds, loss) for seconds, size, loss in points if size == found["side"]]
        dashes = "--" if "tutorial" in name else "-"
        axes.loglog(*zip(*whole, strict=True), dashes, color=color, label=name, linewidth=1.6)
        axes.plot(*whole[-1], "o", color=color, markersize=5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "25" else "")
    axes.axhline(found["reference"]["goal"], color="gray", linewidth=1, linestyle=":")
    axes.annotate(
        "within 10 % of the long run",
        (axes.get_xlim()[0], found["reference"]["goal"]),
        textcoords="offset points",
        xytext=(4, 4),
        color="gray",
    )
    axes.set_xlabel("seconds since the start, without compiling")
    axes.set_ylabel("total loss in full size")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
