"""Make `.venv-colab`, an environment with the versions that Colab ships.

`python3 tests/colab/environment.py` takes some minutes at first and nothing afterwards.
`versions.txt` says which versions, and `versions.lock`, which `.ci/lock.py` writes, pins all that they bring.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE / "versions.lock"
VENV = HERE.parent.parent / ".venv-colab"
PYTHONS = ("3.12", "3.13")


def interpreter():
    """A Python of a version that Colab has had, or None where there is none that starts."""
    managed = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in PYTHONS:
        named = [sys.executable, shutil.which(f"python{version}")]
        for python in filter(None, [*named, *glob.glob(f"{managed}/versions/{version}.*/bin/python3")]):
            asked = [python, "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]
            found = subprocess.run(asked, capture_output=True, text=True)
            if found.stdout.strip() == version:
                return python
    return None


def made(base):
    """The environment's Python, after making the environment with the Python ``base`` if it is not there."""
    import fcntl

    python, stamp = VENV / "bin" / "python", VENV / "versions"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with open(f"{VENV}.lock", "w") as file:
        # Of several workers, the first makes it and the others wait.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([base, "-m", "venv", "--clear", VENV], check=True)
            options = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--require-hashes"]
            subprocess.run([python, "-m", "pip", "install", *options, "-r", LOCK], check=True)
            stamp.write_text(wanted)
    return str(python)


if __name__ == "__main__":
    base = interpreter()
    if base is None:
        sys.exit("There is no Python 3.12 or 3.13 here.")
    print(made(base))
