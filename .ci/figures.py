#!/usr/bin/env python3
"""Write the tables of figures in README.md from the benchmark's own files: `.ci/figures.py`.

Each table stands between two comments, `<!-- figures: NAME -->` and `<!-- end of figures -->`. With
`--check` nothing is written, and the exit status is 1 where a table is not what its files say.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def measured(name):
    """What one run of the benchmark found."""
    return json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))


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
            shares = selected(found["evaluations"], precision=precision, direct=direct)
            if shares:
                parts.append(f"{in_words([format(each['share'], '.0%') for each in shares])} in {precision}")
        return ", ".join(parts)

    def race(name):
        run = found["races"][f"{name}, photo, one size, float32"]
        return f"{run['evaluations']:.0f} evaluations, {run['seconds']:.0f} s"

    def sooner(of):
        run = found["sooner"][of]
        times = run["seconds"] / run["seconds_here"]
        return f"{run['seconds']:.0f} s", f"{run['seconds_here']:.0f} s: {times:.1f} times sooner"

    overhead = selected(found["overhead"], parametrization="pixels")
    memory = selected(found["memory"], precision="bfloat16")
    tensorflow = sooner("Adam as in the TensorFlow tutorial")
    pytorch = sooner("L-BFGS as in the PyTorch tutorial")
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
            f"to within 10 % of a long run's loss, shorter side {found['side']} pixels, both in float32",
            f"L-BFGS {race('L-BFGS')}; Adam {race('Adam')}",
        ),
        (
            f"to the loss at the end of the TensorFlow tutorial's Adam (1000 steps, {tensorflow[0]})",
            tensorflow[1],
        ),
        (f"to the loss at the end of the PyTorch tutorial's L-BFGS (300 steps, {pytorch[0]})", pytorch[1]),
        (
            "peak memory of a transfer at 256², 512² and 1024², TensorFlow itself included",
            f"{in_words([rounded(each['gb']) for each in memory])} GB",
        ),
    ]
    # A number and its unit stand apart.
    return re.sub(r"(\d)%", r"\1 %", table(["", ""], rows))


def gpu(*runs):
    """The table of runs on a GPU, a column for each framework."""

    def milliseconds(found, precision):
        seconds = [each["seconds"] for each in selected(found["evaluations"], precision=precision)]
        return f"{in_words([rounded(1000 * each) for each in seconds])} ms"

    def step(found):
        (at_256,) = selected(found["overhead"], parametrization="pixels", side=256)
        return f"{rounded(1000 * at_256['seconds'])} ms"

    def picture(found, preset):
        for run in selected(found["pictures"], preset=preset):
            return f"{rounded(run['seconds'])} and {rounded(run['again'])} s"
        return "not in `--quick`"

    def memory(found):
        used = selected(found["memory"], precision="float32")
        more = "" if len(used) > 1 else f" at {used[0]['side']}²"
        return f"{in_words([rounded(each['gb']) for each in used])} GB{more}"

    names = {"torch": "PyTorch", "jax": "JAX"}
    head = []
    for found in runs:
        backend = found["machine"]["backend"]
        version = json.loads(found["machine"]["versions"])[backend].partition("+")[0]
        head.append(f"{names[backend]} {version}")
    rows = [
        ["an evaluation at 256², 512² and 1024², float32", *(milliseconds(each, "float32") for each in runs)],
        ["the same, bfloat16", *(milliseconds(each, "bfloat16") for each in runs)],
        ["a step of L-BFGS beside its evaluation at 256²", *map(step, runs)],
        ["`--preset quick`: the first picture, and one more", *(picture(each, "quick") for each in runs)],
        ["`--preset fine`: the first picture, and one more", *(picture(each, "fine") for each in runs)],
        ["peak memory of the GPU at 256², 512² and 1024², float32", *map(memory, runs)],
    ]
    return table(["", *head], rows)


def tables():
    """The lines of each table, by its name."""
    runs = measured("benchmark_h100_torch.json"), measured("benchmark_h100_jax.json")
    return {"processor": processor(measured("benchmark.json")), "gpu": gpu(*runs)}


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
    """Write the tables, or check them; return the exit status."""
    path = ROOT / "README.md"
    before = path.read_text(encoding="utf-8")
    after = with_tables(before, tables())
    if options == ["--check"]:
        return int(before != after)
    path.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
