"""Every bundled picture is credited, and is the file that the credits describe."""

import hashlib
import re
from pathlib import Path

from PIL import Image

from helpers import read_settings
from helpers.options import GROUPS
from helpers.settings import current_settings
from helpers.tools.showcase import RESULTS

IMAGES = Path(__file__).parent.parent / "images"


def test_every_picture_is_credited_with_its_checksum():
    text = (IMAGES / "CREDITS.md").read_text(encoding="utf-8")
    credited = dict(re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", text, re.M))
    files = [path for kind in ("content", "style", "texture", "mask") for path in (IMAGES / kind).iterdir()]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == credited


def test_every_result_carries_the_settings_it_is_described_with():
    pictures = {path.stem: path for path in (IMAGES / "results").glob("*.png")}
    assert set(pictures) == set(RESULTS)
    for name, (recipe, arguments) in RESULTS.items():
        settings = current_settings(read_settings(pictures[name]))
        assert settings["recipe"] == recipe
        for argument, value in arguments.items():
            saved = settings["arguments"][argument]
            if argument in GROUPS:
                saved = {field: saved[field] for field in value}
            if argument in ("layers", "size") and isinstance(saved, list):
                value = list(value) if argument == "layers" else [value, value]
            assert saved == value, (name, argument)
        assert settings["steps_taken"] == arguments["steps"]


def test_the_large_transfer_is_large_and_no_result_is_flat():
    assert min(Image.open(IMAGES / "results" / "transfer_large.png").size) >= 384
    for path in (IMAGES / "results").glob("*.png"):
        extrema = Image.open(path).convert("RGB").getextrema()
        assert all(high - low > 150 for low, high in extrema), path
