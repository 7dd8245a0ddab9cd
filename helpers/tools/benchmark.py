"""The benchmark of ``course.py benchmark``: computing time, memory, and which optimizer is done first.

Times are the best or the sum of what was measured in one run. Compare times of the same run only, since other
programs on the machine slow it down.
"""

import itertools
import json
import platform
import re
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil

from helpers.compute.framework import BACKEND, compiled, device, gpu, keras
from helpers.compute.precision import faster_precision
from helpers.engine.coarse_to_fine import Record
from helpers.engine.lbfgs import History, history_length, lbfgs
from helpers.engine.memory import GB
from helpers.engine.objective import Evaluate, objective
from helpers.engine.optimizers import adam
from helpers.engine.run import versions
from helpers.engine.tiling import Evaluator
from helpers.images import load_image, preprocess
from helpers.layers import CONTENT_LAYER, CONV_LAYERS, STYLE_LAYERS, filters, layers_up_to, stride
from helpers.options import PRESETS, Precision, merged
from helpers.recipes import transfer
from helpers.terms import content_term, style_term
from helpers.vgg import FeatureExtractor, winograd_layers


def benchmark(content: Any, style: Any, folder: Path, quick: bool = False) -> dict[str, Any]:
    """Measure, print each table when it is complete, and write ``benchmark.json``.

    ``content``, ``style``: whatever ``load_image`` accepts. ``folder``: must exist. ``quick``: measure less,
    and compare optimizers on a smaller picture, without the tutorials.
    Returns the contents of the JSON file.
    """
    print("Measuring the memory of whole transfers first, each in a process of its own.", flush=True)
    # A framework that has started on a GPU leaves no memory of it to another process.
    runs = itertools.product((256,) if quick else (256, 512, 1024), get_args(Precision))
    memory = [memory_of_a_run(*run) for run in runs]
    found: dict[str, Any] = {"machine": machine(), "memory": memory}
    print(", ".join(f"{name}: {value}" for name, value in found["machine"].items() if value), flush=True)
    place = "of the GPU" if device() == "gpu" else "the program included"
    print_records(f"Peak memory of a whole transfer in GB, {place}", memory)

    found["evaluations"] = evaluations(content, style)
    print_records("One evaluation, and its speed relative to that of matrix products", found["evaluations"])
    found["overhead"] = [overhead(content, style, side) for side in ((256,) if quick else (256, 512))]
    print_records("A step of L-BFGS without its evaluation, and relative to it", found["overhead"])
    found["pictures"] = [finished_picture(content, style, name) for name in (["quick"] if quick else PRESETS)]
    print_records("Seconds from the call to the finished picture, and once more", found["pictures"])
    side, reference_steps, most = (80, 60, 70) if quick else (192, 400, 1000)
    content, style = load_image(content, side), load_image(style, side)
    print(f"Comparing optimizers on {content.shape[1]} × {content.shape[0]} pixels.", flush=True)
    found |= {"side": side, **races(content, style, reference_steps, most)}
    reference = found["reference"]
    print_records(
        f"Until the loss is within 10 % of {reference['loss']:.4g}, the loss of a run of "
        f"{reference['evaluations']:.0f} evaluations",
        [{"configuration": name, **race} for name, race in found["races"].items()],
    )
    found["sooner"] = {} if quick else tutorials(content, style, most)
    print_records(
        "Until the loss at the end of a tutorial: its seconds, and those of the preset balanced",
        [{"tutorial": name, **times} for name, times in found["sooner"].items()],
    )
    (folder / "benchmark.json").write_text(json.dumps(found), encoding="utf-8")
    print(folder / "benchmark.json")
    return found


def machine() -> dict[str, Any]:
    """The processor or GPU that is measured, the backend, and the versions."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", cpuinfo.read_text("utf-8")) if cpuinfo.exists() else None
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "gpu": (found := gpu()) and found.name,
        "backend": BACKEND,
        "versions": json.dumps(versions()),
    }


def operations(height: int, width: int, layers: Sequence[str] = (CONTENT_LAYER, *STYLE_LAYERS)) -> float:
    """The floating-point operations of one evaluation: convolutions and Gram matrices, and their gradients.

    A direct convolution takes a multiplication and an addition for each of its weights at each position, and
    as many for the gradient with respect to its input. A Gram matrix of N filters and M positions takes
    2 · N² · M, and as many for its gradient.
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


def evaluations(content: Any, style: Any) -> list[dict[str, Any]]:
    """One evaluation in both precisions at 256², 512² and on a GPU 1024², relative to matrix products.

    The matrices have 2048 columns, on a GPU 8192. Their products are timed between the evaluations that they
    are compared with, since the speed of a machine may change within a minute. The operations counted are
    those of a direct convolution; Winograd convolution needs fewer, so its ratio may be above 1.
    """
    found = []
    width, sides = (8192, (256, 512, 1024)) if device() == "gpu" else (2048, (256, 512))
    numbers = np.random.default_rng(0).standard_normal((width, width), dtype=np.float32)
    product = compiled(lambda matrix: keras.ops.matmul(matrix, matrix))
    for side, precision, direct in itertools.product(sides, get_args(Precision), (True, False)):
        if not direct and not winograd_layers(precision):
            continue
        evaluate, pixels = prepared(content, style, side, precision, crop=True, direct=direct)
        matrix = keras.ops.convert_to_tensor(numbers, precision)
        # The first turn compiles both; the shortest times count.
        turns = [(_seconds(evaluate, pixels), _seconds(product, matrix)) for _ in range(5)]
        seconds, seconds_of_product = np.min(turns, axis=0).tolist()
        share = operations(side, side) / seconds / (2 * width**3 / seconds_of_product)
        case = {"side": side, "precision": precision, "direct": direct}
        found.append({**case, "seconds": seconds, "share": share})
    return found


def overhead(content: Any, style: Any, side: int, steps: int = 8) -> dict[str, Any]:
    """The time of a step of L-BFGS without its evaluations, once its history is full."""
    evaluate, pixels = prepared(content, style, side, "float32", crop=True)
    times: list[float] = []

    def timed(pixels: Any) -> tuple[dict[str, float], Any]:
        began = time.perf_counter()
        losses, gradient = evaluate(pixels)
        _wait(gradient)
        times.append(time.perf_counter() - began)
        return losses, gradient

    optimizer = lbfgs(timed, pixels)
    filling = history_length(*pixels.shape[1:3])
    of_steps = []
    for _ in range(filling + steps):
        times.clear()
        began = time.perf_counter()
        next(optimizer)
        of_steps.append((time.perf_counter() - began - sum(times), min(times)))
    seconds, evaluation = np.median(of_steps[filling:], axis=0).tolist()
    return {"side": side, "parametrization": "pixels", "seconds": seconds, "share": seconds / evaluation}


def memory_of_a_run(side: int, precision: Precision) -> dict[str, Any]:
    """The peak memory of the transfer of a square picture, in a process of its own."""
    command = [sys.executable, "-m", "helpers.tools.benchmark", str(side), precision]
    root = Path(__file__).parents[2]
    process = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return {"side": side, "precision": precision, "gb": float(process.stdout.splitlines()[-1])}


def peak_of_this_process() -> int:
    """The peak memory of this process so far, in bytes: memory of the GPU if it computes on one."""
    if (of_gpu := gpu()) is not None:
        return of_gpu.peak
    if sys.platform == "linux":
        # The peak of getrusage includes that of the parent process.
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
        return 1024 * int(peak)
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def finished_picture(content: Any, style: Any, preset: str) -> dict[str, Any]:
    """The time that a preset takes: the first time, and once more, when everything is compiled."""
    arguments = merged(PRESETS[preset], {"weights": "bundled", "progress": False})
    first, again = (timeit.timeit(lambda: transfer(content, style, **arguments), number=1) for _ in range(2))
    return {"preset": preset, "seconds": first, "again": again}


def races(content: Any, style: Any, reference_steps: int, most: int) -> dict[str, Any]:
    """The time until each configuration reaches the goal, on the same picture and objective.

    The goal is a loss within 10 % of that of a long run. ``most``: after this many steps a configuration
    that has not reached the goal is stopped.
    """
    offered = configurations()
    for arguments in offered.values():
        # Compiles the objective before it is timed: a user compiles once, and then paints many pictures.
        _run(content, style, {**arguments, "steps": 3}, 0.0)
    long = _run(content, style, {"scales": 1, "steps": reference_steps}, 0.0)
    return {
        "reference": long,
        "races": {
            name: _run(content, style, {"steps": most, **arguments}, 1.1 * long["loss"])
            for name, arguments in offered.items()
        },
    }


def tutorials(content: Any, style: Any, most: int) -> dict[str, dict[str, Any]]:
    """Two well-known tutorials, and the time until the preset ``balanced`` reaches the loss at their end.

    TensorFlow's: Adam, learning rate 0.02 for colors from 0 to 1, β1 = 0.99. Its ε of 0.1 is negligible
    relative to the gradients of its loss, some millions of times those here; so ε is nearly 0 here.
    PyTorch's: L-BFGS with step size 1, without a line search, with a history of 100 steps, colors clipped.
    Both compute in float32 without Winograd convolution.
    """
    evaluate, pixels = prepared(content, style, None, "float32", direct=True)
    evaluate(pixels)
    as_tensorflow = adam(evaluate, pixels, keras.optimizers.Adam(0.02 * 255, beta_1=0.99))
    history = History(pixels.shape, length=100)
    as_pytorch = lbfgs(evaluate, pixels, history=history, line_search=False)
    found = {}
    for name, optimizer, steps in (
        ("Adam as in the TensorFlow tutorial", as_tensorflow, 1000),
        ("L-BFGS as in the PyTorch tutorial", as_pytorch, 300),
    ):
        began = time.perf_counter()
        for _, losses in itertools.islice(optimizer, steps):
            loss = losses["total"]
        seconds = time.perf_counter() - began
        here = _run(content, style, {"steps": most, "precision": faster_precision()}, loss)
        seconds_here = here["seconds"] if here["arrived"] else None
        found[name] = {"loss": loss, "seconds": seconds, "seconds_here": seconds_here}
    return found


def configurations() -> dict[str, dict[str, Any]]:
    """What is compared: optimizers, initializations, precisions and scales, as arguments of ``transfer``."""
    fast = faster_precision()
    plain = {"scales": 1, "precision": "float32"}
    cosine = {**plain, "parametrization": "cosine"}
    return {
        "L-BFGS, content, one size, float32": plain,
        "L-BFGS, content, one size, bfloat16": {**plain, "precision": "bfloat16"},
        "L-BFGS, style, one size, float32": {**plain, "start": "style"},
        "L-BFGS, noise, one size, float32": {**plain, "start": "noise"},
        "L-BFGS in cosines, content, one size, float32": cosine,
        "L-BFGS in cosines, noise, one size, float32": {**cosine, "start": "noise"},
        "Adam, content, one size, float32": {**plain, "optimizer": "adam"},
        "L-BFGS, content, two sizes, float32": {"scales": 2, "precision": "float32"},
        f"as the presets have it: L-BFGS, content, two sizes, {fast}": {"scales": 2, "precision": fast},
    }


def prepared(
    content: Any, style: Any, side: int | None, precision: Precision, crop: bool = False, direct: bool = False
) -> tuple[Evaluate, Any]:
    """The objective of a transfer with its default weights, and the content image's pixels as a tensor."""
    extractor = FeatureExtractor("bundled", "avg", True, precision, direct)
    content_pixels = preprocess(load_image(content, side, crop))
    style_pixels = preprocess(load_image(style, side, crop))
    evaluator = Evaluator(extractor)
    features = evaluator.feature_maps(content_pixels, [CONTENT_LAYER])
    terms = [
        content_term(features[CONTENT_LAYER], CONTENT_LAYER, 1.0, per_entry=True),
        style_term(evaluator.style_sums(style_pixels, STYLE_LAYERS), 50.0),
    ]
    return objective(terms, *extractor), keras.ops.convert_to_tensor(content_pixels)


def _run(content: Any, style: Any, arguments: Mapping[str, Any], goal: float) -> dict[str, Any]:
    """How a transfer ended that is stopped when it reaches the goal at full size.

    An evaluation of a smaller image counts as its fraction of the pixels.
    """
    arguments = {"precision": "float32", "weights": "bundled", **arguments}
    if arguments["precision"] != "float32":
        # With Winograd convolution a loss in bfloat16 was measured to be up to 0.3 % too small.
        goal *= 0.997

    def is_there(record: Record) -> bool:
        return record["size"] == min(content.shape[:2]) and record["total"] <= goal

    def stop_at_goal(record: Record, _: Any) -> None:
        if is_there(record):
            raise StopIteration

    arguments = merged(arguments, {"progress": False, "callback": stop_at_goal})
    history = transfer(content, style, **arguments).history
    last = history[-1]
    return {
        "arrived": is_there(last),
        "evaluations": last["evaluations"],
        "as_full_evaluations": sum(
            (record["evaluations"] - before["evaluations"]) * (record["size"] / last["size"]) ** 2
            for before, record in itertools.pairwise([{"evaluations": 0}, *history])
        ),
        "seconds": last["seconds"],
        "loss": last["total"],
    }


def _wait(tensor: Any) -> None:
    # A GPU computes asynchronously; copying one number to the host waits for it.
    keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.ravel(tensor)[:1], "float32"))


def _seconds(function: Callable[[Any], Any], tensor: Any) -> float:
    """The time from the call of a function until the last tensor that it returns is there."""
    return timeit.timeit(lambda: _wait(keras.tree.flatten(function(tensor))[-1]), number=1)


def print_records(title: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Print records with the same fields as a table: a row for each record, a column for each field."""
    if not records:
        return
    rows = [list(records[0])]
    for record in records:
        rows.append([f"{value:.4g}" if isinstance(value, float) else str(value) for value in record.values()])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{title}")
    for row in rows:
        print("  ".join(entry.ljust(width) for entry, width in zip(row, widths, strict=True)))
    print(flush=True)


if __name__ == "__main__":
    side, precision = int(sys.argv[1]), sys.argv[2]
    image = np.random.default_rng(0).uniform(0, 255, (side, side, 3))
    run = merged({"steps": 4, "precision": precision, "scales": 1, "progress": False})
    transfer(image, image[::-1], **run)
    print(peak_of_this_process() / GB)
