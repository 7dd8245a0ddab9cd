#!/usr/bin/env python3
"""Write the figures of README.md and docs/performance.md from the benchmark's own files: `.ci/figures.py`.

The files are in docs/benchmarks/. What is written from them stands between two comments,
`<!-- figures: NAME -->` and `<!-- end of figures -->`. With `--check` nothing is written, and the exit status
is 1 where a document is not what its files say.
"""

import json
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = {"README.md": ("speed",), "docs/performance.md": ("processor", "gpu")}
"""The documents, and the names of what is written into each."""


def measured(name):
    """What one run of the benchmark found."""
    return json.loads((ROOT / "docs" / "benchmarks" / name).read_text(encoding="utf-8"))


def rounded(number):
    """Two significant digits, or all digits before the point."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def in_words(values):
    """'a', 'a and b', 'a, b and c'."""
    *before, last = values
    return f"{', '.join(before)} and {last}" if before else last


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def selected(entries, **wanted):
    """The entries that have all these values."""
    return [entry for entry in entries if all(entry[name] == value for name, value in wanted.items())]


def processor(found):
    """The table of one run on a processor."""

    def percent(direct):
        parts = []
        for precision in ("float32", "bfloat16"):
            # A processor with AMX computes directly in bfloat16: there is no other row.
            fractions = [
                format(each["share"], ".0%")
                for each in selected(found["evaluations"], precision=precision, direct=direct)
            ]
            if fractions:
                parts.append(f"{in_words(fractions)} in {precision}")
        return ", ".join(parts)

    def race(name, scales="one size", precision="float32"):
        run = found["races"][f"{name}, content, {scales}, {precision}"]
        return f"{run['evaluations']:.0f} evaluations, {run['seconds']:.0f} s"

    def whole(tutorial):
        run = found["sooner"][tutorial]
        return f"{run['seconds']:.0f} s", f"{run['seconds_here']:.0f} s"

    overhead = selected(found["overhead"], parametrization="pixels")
    memory = selected(found["memory"], precision="bfloat16")
    tensorflow = whole("Adam as in the TensorFlow tutorial")
    pytorch = whole("L-BFGS as in the PyTorch tutorial")
    rows = [
        (
            "an evaluation with direct convolutions, in percent of matrix products, at 256² and 512²",
            percent(True),
        ),
        ("the same with Winograd convolutions, as transfers are computed", percent(False)),
        (
            "a step of L-BFGS, in percent of its evaluation in float32, at 256² and 512²",
            in_words([f"{each['share']:.1%}" for each in overhead]),
        ),
        (
            f"to within 10 % of a long run's loss: shorter side {found['side']} pixels, one size, from the "
            "content image, float32",
            f"L-BFGS {race('L-BFGS')}; Adam {race('Adam')}",
        ),
        ("the same with L-BFGS in bfloat16", race("L-BFGS", precision="bfloat16")),
        ("the same with L-BFGS in float32, coarse-to-fine in two sizes", race("L-BFGS", "two sizes")),
        (
            "whole programs: to the loss at the end of the TensorFlow tutorial's Adam (1000 steps, "
            f"{tensorflow[0]})",
            f"the course's defaults: {tensorflow[1]}",
        ),
        (
            "whole programs: to the loss at the end of the PyTorch tutorial's L-BFGS (300 steps, "
            f"{pytorch[0]})",
            f"the course's defaults: {pytorch[1]}",
        ),
        (
            "peak memory of a transfer in bfloat16 at 256², 512² and 1024², TensorFlow itself included",
            f"{in_words([rounded(each['gb']) for each in memory])} GB",
        ),
    ]
    # A number and its unit stand apart.
    return re.sub(r"(\d)%", r"\1 %", table(["", ""], rows))


def gpu(found):
    """The table of a run on a GPU."""

    def milliseconds(precision):
        seconds = [each["seconds"] for each in selected(found["evaluations"], precision=precision)]
        return f"{in_words([rounded(1000 * each) for each in seconds])} ms"

    version = json.loads(found["machine"]["versions"])["jax"].partition("+")[0]
    (at_256,) = selected(found["overhead"], parametrization="pixels", side=256)
    (quick,) = selected(found["pictures"], preset="quick")
    (used,) = selected(found["memory"], precision="float32")
    rows = [
        ["an evaluation at 256², 512² and 1024², float32", milliseconds("float32")],
        ["the same, bfloat16", milliseconds("bfloat16")],
        ["a step of L-BFGS beside its evaluation at 256²", f"{rounded(1000 * at_256['seconds'])} ms"],
        [
            "`--preset quick`: the first picture, and one more",
            f"{rounded(quick['seconds'])} and {rounded(quick['again'])} s",
        ],
        [
            f"peak memory of the GPU at {used['side']}², float32, trials of algorithms included",
            f"{rounded(used['gb'])} GB",
        ],
    ]
    return table(["", f"JAX {version}"], rows)


def speed(found):
    """The README's sentence on speed."""
    tensorflow, pytorch = (
        found["sooner"][name]
        for name in ("Adam as in the TensorFlow tutorial", "L-BFGS as in the PyTorch tutorial")
    )
    text = (
        "On two cores of a server processor with AMX, at a shorter side of "
        f"{found['side']} pixels, the default settings needed "
        f"{tensorflow['seconds_here']:.0f} s to the loss at which the TensorFlow tutorial's Adam ends after "
        f"{tensorflow['seconds']:.0f} s, and {pytorch['seconds_here']:.0f} s to that of the PyTorch "
        f"tutorial's L-BFGS after {pytorch['seconds']:.0f} s. The images and the objective are the same; "
        "optimizer, precision, scales and convolution all differ."
    )
    return textwrap.fill(text, 120)


def tables():
    """What is written into the documents, by its name."""
    on_processor = measured("processor.json")
    return {
        "speed": speed(on_processor),
        "processor": processor(on_processor),
        "gpu": gpu(measured("h100_jax.json")),
    }


def with_tables(text, wanted):
    """A document with its tables made anew. Raises ValueError where a table has no place."""
    for name, lines in wanted.items():
        pattern = rf"(<!-- figures: {name} -->\n)(?:.*?\n)??(<!-- end of figures -->)"
        parts = re.split(pattern, text, flags=re.S)
        if len(parts) != 4:
            raise ValueError(f"There are {len(parts) // 3} places for the table {name!r}, not one.")
        text = f"{parts[0]}{parts[1]}\n{lines}\n\n{parts[2]}{parts[3]}"
    return text


def main(options):
    """Write the documents, or check them; return the exit status."""
    found, differ = tables(), False
    for name, places in PLACES.items():
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = with_tables(before, {place: found[place] for place in places})
        differ |= before != after
        if options != ["--check"]:
            path.write_text(after, encoding="utf-8")
    return int(differ and options == ["--check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
