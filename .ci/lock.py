#!/usr/bin/env python3
"""Write the locks again after a change of pyproject.toml: `.ci/lock.py`, with uv installed.

`requirements.lock` holds what a student needs; `requirements-test.lock` what the tests need beside it, in
versions that go with it; `tests/colab/versions.lock` what Colab ships. Versions that still fit stay;
`.ci/lock.py --upgrade` takes the newest.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
COMPILE += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
COURSE = ["pyproject.toml", "--python-version", "3.11"]
HEAD = "# Written by .ci/lock.py, for all platforms. {}\n"


def packages(text):
    """The entries of a lock, each with its hashes and what asks for it, by `name==version ; marker`."""
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    return {entry.split("\\")[0].strip(): entry for entry in entries}


def compiled(path, *options):
    """The text of a lock after uv has written it anew."""
    subprocess.run([*COMPILE, *options, "--output-file", str(path)], cwd=ROOT, check=True)
    return path.read_text(encoding="utf-8")


def main(options):
    """Write the three locks; ``options`` go to uv."""
    student, testing = ROOT / "requirements.lock", ROOT / "requirements-test.lock"
    lessons = compiled(student, *COURSE, *options)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.lock"
        both.write_text(lessons + (testing.read_text("utf-8") if testing.exists() else ""), encoding="utf-8")
        testing_too = ["--extra", "test", "--constraint", str(student)]
        added = packages(compiled(both, *COURSE, *testing_too, *options))
    kept = packages(lessons)
    added = {pin: re.sub(r"(?m)^ +#.*both.*\n", "", entry) for pin, entry in added.items() if pin not in kept}
    colab = ROOT / "tests" / "colab" / "versions.lock"
    shipped = compiled(colab, "tests/colab/versions.txt", "--python-version", "3.12", *options)
    colab.write_text(HEAD.format("What Colab ships, as far as a lesson meets it.") + shipped, "utf-8")
    student.write_text(HEAD.format("What lessons, studio and command line need.") + lessons, "utf-8")
    needed = HEAD.format("What tests need beside requirements.lock.")
    testing.write_text(needed + "".join(added.values()), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
