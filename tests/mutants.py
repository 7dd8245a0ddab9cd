"""How many faults do the tests notice? Break the helpers on purpose, a line at a time, and run their tests.

    .venv/bin/python -m pip install cosmic-ray
    .venv/bin/python tests/mutants.py                      # 20 mutants of each module
    .venv/bin/python tests/mutants.py --modules losses --count 50 --seed 3
    .venv/bin/python tests/mutants.py --again              # those that lived, after a change of the tests

Cosmic Ray finds the places and makes the mutants; of each place in the sample one mutant is drawn. A mutant
is killed when a test of its own module's file fails, or takes ten times as long as it should. Those that
live are printed, each as a diff, and kept in `output/mutants.json`: they are either a gap in the tests or
compute the same as the line they replace. Runs where processes can be forked, so not on Windows.
"""

import argparse
import difflib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ["losses", "terms", "color", "images", "recipes"]
MODULES += [f"engine/{name}" for name in ("objective", "tiling", "optimizers", "lbfgs", "parametrization")]
MODULES += [f"engine/{name}" for name in ("coarse_to_fine", "checkpoints")]
FILES = {
    "images": ("test_images.py", "files/test_decoding.py"),
    "engine/tiling": ("engine/test_objective.py",),
    "engine/lbfgs": ("engine/test_optimizers.py",),
    "engine/parametrization": ("engine/test_optimizers.py", "engine/test_coarse_to_fine.py"),
}
"""The tests of a module that has more than one file of them."""

NOT_COPIED = shutil.ignore_patterns(
    ".venv*", ".git", "output", "__pycache__", ".*_cache", ".ipynb_checkpoints"
)
# Of numbers that are not whole, shifts and bits are errors that any test notices; and in annotations
# "|" computes nothing.
TRIVIAL = ("Shift", "BitOr", "BitAnd", "BitXor")


def mutants_of(module, count, rng):
    """A sample of mutants of one module: ``count`` places, and at each one of the mutants it has."""
    from cosmic_ray.commands import init
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    from cosmic_ray.work_db import WorkDB

    path = ROOT / "helpers" / f"{module}.py"
    source = path.read_text(encoding="utf-8")
    database = WorkDB(":memory:", WorkDB.Mode.create)
    init([path], database, {})
    places = {}
    for item in database.work_items:
        (mutation,) = item.mutations
        if not any(kind in mutation.operator_name for kind in TRIVIAL):
            places.setdefault((mutation.start_pos, mutation.end_pos), []).append(mutation)
    for place in rng.sample(sorted(places), min(count, len(places))):
        mutation = rng.choice(sorted(places[place], key=lambda each: (each.operator_name, each.occurrence)))
        operator = get_operator(mutation.operator_name)(**mutation.operator_args)
        mutated = mutate_code(source, operator, mutation.occurrence)
        lines = difflib.unified_diff(source.splitlines(), mutated.splitlines(), lineterm="", n=0)
        yield {"module": module, "source": mutated, "diff": "\n".join(list(lines)[2:])}


def tested(folder, module, log):
    """Run the default tests of one module in a copy of the course; a child of this process does it."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    import pytest

    code = 1
    try:
        folder_of, _, name = module.rpartition("/")
        own = f"{folder_of}/test_{name}.py".lstrip("/")
        files = [f"tests/{name}" for name in FILES.get(module, (own,))]
        code = pytest.main(["-n0", "-x", "-q", "-p", "no:cacheprovider", *files])
    finally:
        os._exit(int(code))


def preload():
    """Import what takes seconds and is not mutated, before any process is forked."""
    import hypothesis
    import keras
    import matplotlib.pyplot
    import pytest
    import scipy.optimize
    import tensorflow

    assert "helpers" not in sys.modules
    return hypothesis, keras, matplotlib, pytest, scipy, tensorflow


def run_all(mutants, workers, folder):
    """Test every mutant, several at a time, each in a copy of the course of its own, and note its fate."""
    free = []
    for number in range(workers):
        free.append(folder / str(number))
        shutil.copytree(ROOT, free[-1], ignore=NOT_COPIED)
    usual = {}
    for module in dict.fromkeys(mutant["module"] for mutant in mutants):
        began = time.monotonic()
        _, status = os.waitpid(tested(free[0], module, folder / "log"), 0)
        if status != 0:
            sys.exit(f"The tests of {module} fail as they are:\n{(folder / 'log').read_text()[-3000:]}")
        usual[module] = time.monotonic() - began
        print(f"The tests of {module} take {usual[module]:.0f} s.", flush=True)
    waiting, running = list(reversed(mutants)), {}
    while waiting or running:
        while waiting and free:
            mutant, copy = waiting.pop(), free.pop()
            (copy / "helpers" / f"{mutant['module']}.py").write_text(mutant["source"], encoding="utf-8")
            child = tested(copy, mutant["module"], copy / "log")
            running[child] = (mutant, copy, time.monotonic() + 10 * usual[mutant["module"]] + 30)
        time.sleep(0.05)
        for child, (mutant, copy, until) in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended and time.monotonic() < until:
                continue
            if not ended:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            del running[child]
            mutant["fate"] = "killed" if ended and status else "timeout" if not ended else "lives"
            mutant["test"] = failed_test((copy / "log").read_text(errors="replace"))
            name = f"{mutant['module']}.py"
            shutil.copy(ROOT / "helpers" / name, copy / "helpers" / name)
            free.append(copy)
            if mutant["fate"] == "lives":
                print(f"\n{name} lives:\n{mutant['diff']}", flush=True)


def change_in(mutant):
    """The lines of a mutant's diff, wherever they stand."""
    return mutant["module"], [line for line in mutant["diff"].splitlines() if not line.startswith("@@")]


def failed_test(log):
    """The test that noticed, as pytest names it."""
    named = [line.split(" ")[1] for line in log.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return named[0] if named else None


def main():
    """Draw the mutants, test them, and print how many of each module were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", nargs="+", default=MODULES, choices=MODULES, metavar="MODULE")
    parser.add_argument("--count", type=int, default=20, help="mutants of each module (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="which ones (default: 0)")
    parser.add_argument("--again", action="store_true", help="only those that lived in the run before")
    arguments = parser.parse_args()
    workers = os.cpu_count() or 1
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    mutants = [
        mutant
        for module in arguments.modules
        for mutant in mutants_of(module, arguments.count, random.Random(f"{module} {arguments.seed}"))
    ]
    kept = ROOT / "output" / "mutants.json"
    if arguments.again:
        before = json.loads(kept.read_text(encoding="utf-8"))
        living = [change_in(mutant) for mutant in before if mutant["fate"] == "lives"]
        mutants = [mutant for mutant in mutants if change_in(mutant) in living]
    print(f"{len(mutants)} mutants of {len(arguments.modules)} modules, {workers} at a time", flush=True)
    preload()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        run_all(mutants, workers, Path(folder))
    for module in arguments.modules:
        fates = [mutant["fate"] for mutant in mutants if mutant["module"] == module]
        print(f"{module}: {len(fates) - fates.count('lives')} of {len(fates)} noticed")
    living = sum(mutant["fate"] == "lives" for mutant in mutants)
    print(f"all: {len(mutants) - living} of {len(mutants)} noticed")
    kept.parent.mkdir(exist_ok=True)
    told = [{name: value for name, value in mutant.items() if name != "source"} for mutant in mutants]
    kept.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
