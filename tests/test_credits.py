"""Every bundled picture is credited, and is the file that the credits describe."""

import hashlib
import re
from pathlib import Path

from PIL import Image

from helpers import read_settings
from helpers.settings import current_settings

IMAGES = Path(__file__).parent.parent / "images"


def test_every_picture_is_credited_with_its_checksum():
    text = (IMAGES / "CREDITS.md").read_text(encoding="utf-8")
    credited = dict(re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", text, re.M))
    files = [path for kind in ("content", "style", "texture", "mask") for path in (IMAGES / kind).iterdir()]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == credited


def test_every_result_is_shown_and_carries_the_settings_of_its_run():
    documents = (IMAGES.parent / "README.md", *(IMAGES.parent / "docs").glob("*.md"))
    texts = "".join(path.read_text(encoding="utf-8") for path in documents)
    shown = set(re.findall(r"images/results/(\w+\.png)", texts))
    pictures = list((IMAGES / "results").glob("*.png"))
    assert shown == {path.name for path in pictures}
    for path in pictures:
        settings = current_settings(read_settings(path))
        assert settings["recipe"] in ("transfer", "reconstruct", "synthesize_texture")
        assert settings["steps_taken"] == settings["arguments"]["steps"]
        assert settings["arguments"]["network"]["weights"] == "bundled"


def test_the_large_transfer_is_large_and_no_result_is_flat():
    assert min(Image.open(IMAGES / "results" / "transfer_large.png").size) >= 384
    for path in (IMAGES / "results").glob("*.png"):
        extrema = Image.open(path).convert("RGB").getextrema()
        assert all(high - low > 150 for low, high in extrema), path
