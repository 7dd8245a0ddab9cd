"""Make `.venv-nbgrader`: nbgrader beside the packages of the environment that runs the tests.

It takes half a minute at first and nothing afterwards. Nothing is installed into the other environment.
"""

import fcntl
import subprocess
import sys
import sysconfig
from pathlib import Path

VERSIONS = Path(__file__).parent / "versions.txt"
VENV = Path(__file__).parent.parent.parent / ".venv-nbgrader"


def made():
    """The environment's Python. Raises CalledProcessError where its packages cannot be installed."""
    python, stamp = VENV / "bin" / "python", VENV / "versions"
    others = sysconfig.get_path("purelib")
    wanted = f"{sys.version}\n{others}\n{VERSIONS.read_text()}"
    with open(f"{VENV}.lock", "w") as file:
        # Of several workers, the first makes it and the others wait.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            quiet = {"check": True, "capture_output": True, "text": True}
            subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], **quiet)
            where = "import sysconfig; print(sysconfig.get_path('purelib'))"
            packages = Path(subprocess.run([python, "-c", where], **quiet).stdout.strip())
            (packages / "packages_of_the_course.pth").write_text(f"{others}\n")
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "-r", VERSIONS], **quiet)
            stamp.write_text(wanted)
    return str(python)
