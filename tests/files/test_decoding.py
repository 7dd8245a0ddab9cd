"""A corpus of pictures that a class might bring: each is read right, or refused in one sentence."""

import dataclasses
import inspect
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from helpers import (
    CourseError,
    MissingFileError,
    PictureError,
    bundled_image,
    load_frames,
    load_image,
    load_mask,
    read_settings,
    save_image,
    transfer,
)
from helpers.files.bundled import picture_sources
from helpers.options import GROUPS, merged

RED, GRAY = (200, 60, 20), (120, 120, 120)


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(mode="RGB", size=(24, 16), color=RED):
    return Image.new("RGB", size, color).convert(mode)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, color_type, rows, *chunks, interlace=0):
    """A PNG written by hand, for what Pillow does not write."""
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlace)
    body = chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlaced_png(width, height, color):
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = b""
    for left, top, across, down in passes:
        columns = len(range(left, width, across))
        for _ in range(top, height, down):
            rows += b"\0" + bytes(color) * columns if columns else b""
    return png(width, height, 8, 2, rows, interlace=1)


def with_orientation(value):
    picture = Image.new("RGB", (6, 4), "black")
    picture.putpixel((0, 0), (255, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = value
    return encoded(picture, "PNG", exif=exif)


def with_broken_exif():
    data = encoded(plain(), "JPEG", quality=100)
    segment = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 40
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def swapped_profile():
    """An RGB profile whose red is the green of sRGB and whose green is its red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    places = {bytes(data[132 + 12 * n : 136 + 12 * n]): 136 + 12 * n for n in range(count)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    named = data.replace(b"s\0R\0G\0B", b"o\0d\0d\0!").replace(b"sRGB", b"odd!")
    return bytes(named)


ARRAY = np.full((16, 24, 3), RED, np.uint8)
GRADIENT = np.tile(np.linspace(0, 65535, 24).astype(np.uint16), (16, 1))

READ = {
    "baseline JPEG": (encoded(plain(), "JPEG", quality=100), RED),
    "progressive JPEG": (encoded(plain(), "JPEG", quality=100, progressive=True), RED),
    "gray JPEG": (encoded(plain("L"), "JPEG", quality=100), (97, 97, 97)),
    "CMYK JPEG": (encoded(plain("CMYK"), "JPEG", quality=100), RED),
    "JPEG with broken EXIF": (with_broken_exif(), RED),
    "JPEG of two pictures": (encoded(plain(), "MPO", save_all=True, append_images=[plain()]), RED),
    "PNG": (encoded(plain(), "PNG"), RED),
    "gray PNG": (encoded(plain("L"), "PNG"), (97, 97, 97)),
    "one-bit PNG": (encoded(plain("1", color="white"), "PNG"), (255, 255, 255)),
    "palette PNG": (encoded(plain("P", color=(255, 0, 0)), "PNG"), (255, 0, 0)),
    "palette PNG, clear": (
        encoded(plain("P", color=(255, 0, 0)), "PNG", transparency=bytes(256)),
        (255,) * 3,
    ),
    "PNG with alpha": (encoded(Image.new("RGBA", (24, 16), (*RED, 255)), "PNG"), RED),
    "PNG half clear": (encoded(Image.new("RGBA", (24, 16), (0, 0, 0, 51)), "PNG"), (204,) * 3),
    "PNG wholly clear": (encoded(Image.new("RGBA", (24, 16), (*RED, 0)), "PNG"), (255,) * 3),
    "gray PNG with alpha": (encoded(Image.new("LA", (24, 16), (0, 51)), "PNG"), (204,) * 3),
    "PNG with one clear color": (encoded(plain(), "PNG", transparency=RED), (255,) * 3),
    "16-bit gray PNG": (encoded(Image.fromarray(np.full((16, 24), 120 * 257, np.uint16)), "PNG"), GRAY),
    "16-bit RGB PNG": (png(2, 1, 16, 2, b"\0" + bytes(v for c in RED * 2 for v in (c, c))), RED),
    "16-bit RGB PNG with alpha": (
        png(1, 1, 16, 6, b"\0" + bytes(v for c in (*RED, 255) for v in (c, c))),
        RED,
    ),
    "16-bit gray PNG with alpha": (png(1, 1, 16, 4, b"\0\x78\x78\xff\xff"), GRAY),
    "two-bit gray PNG": (png(4, 1, 2, 0, b"\0\xff"), (255,) * 3),
    "interlaced PNG": (interlaced_png(13, 9, RED), RED),
    "PNG with a damaged profile": (encoded(plain(), "PNG", icc_profile=b"no profile"), RED),
    "PNG with a profile for CMYK of RGB": (
        encoded(plain("L"), "PNG", icc_profile=swapped_profile()),
        (97,) * 3,
    ),
    "PNG with a profile": (
        encoded(plain(color=(255, 0, 0)), "PNG", icc_profile=swapped_profile()),
        (0, 255, 0),
    ),
    "lossless WebP": (encoded(plain(), "WEBP", lossless=True), RED),
    "WebP with alpha": (encoded(Image.new("RGBA", (24, 16), (*RED, 0)), "WEBP", lossless=True), (255,) * 3),
    "animated WebP": (
        encoded(plain(), "WEBP", save_all=True, append_images=[plain(color=GRAY)], lossless=True),
        RED,
    ),
    "GIF": (encoded(plain("P", color=(255, 0, 0)), "GIF"), (255, 0, 0)),
    "animated GIF": (
        encoded(plain("P", color=(255, 0, 0)), "GIF", save_all=True, append_images=[plain("P", color=GRAY)]),
        (255, 0, 0),
    ),
    "BMP": (encoded(plain(), "BMP"), RED),
    "gray BMP": (encoded(plain("L"), "BMP"), (97,) * 3),
    "TIFF": (encoded(plain(), "TIFF"), RED),
    "compressed TIFF": (encoded(plain(), "TIFF", compression="tiff_lzw"), RED),
    "CMYK TIFF": (encoded(plain("CMYK"), "TIFF"), RED),
    "16-bit TIFF": (encoded(Image.fromarray(np.full((16, 24), 120 * 257, np.uint16)), "TIFF"), GRAY),
    "32-bit TIFF": (encoded(Image.fromarray(np.full((16, 24), 120 * 257, np.int32)), "TIFF"), GRAY),
    "LAB TIFF": (encoded(Image.new("LAB", (24, 16), (255, 128, 128)), "TIFF"), (255,) * 3),
    "TIFF of two pages": (encoded(plain(), "TIFF", save_all=True, append_images=[plain(color=GRAY)]), RED),
    "PPM": (encoded(plain(), "PPM"), RED),
    "one pixel": (encoded(plain(size=(1, 1)), "PNG"), RED),
    "a line": (encoded(plain(size=(1, 5000)), "PNG"), RED),
    "bytearray": (bytearray(encoded(plain(), "PNG")), RED),
    "memoryview": (memoryview(encoded(plain(), "PNG")), RED),
    "open file": (io.BytesIO(encoded(plain(), "PNG")), RED),
    "premultiplied picture": (Image.new("RGBA", (24, 16), (*RED, 255)).convert("RGBa"), RED),
    "palette picture with alpha": (Image.new("RGBA", (24, 16), (*RED, 255)).convert("PA"), None),
    "YCbCr picture": (plain("YCbCr"), RED),
    "HSV picture": (plain("HSV"), RED),
    "uint8 array": (ARRAY, RED),
    "float array": (ARRAY.astype(np.float64), RED),
    "int64 array": (ARRAY.astype(np.int64), RED),
    "half-precision array": (ARRAY.astype(np.float16), RED),
    "gray array": (np.full((16, 24), 120, np.uint8), GRAY),
    "array with alpha": (np.full((16, 24, 4), (*RED, 0), np.uint8), (255,) * 3),
    "array upside down": (ARRAY[::-1, ::-1], RED),
    "black array of fractions": (np.zeros((4, 4, 3)), (0, 0, 0)),
}


@pytest.mark.parametrize("name", READ)
def test_a_picture_of_any_common_kind_is_read_right(name):
    source, color = READ[name]
    image = load_image(source)
    assert image.dtype == np.float32
    assert image.shape[2] == 3
    if color is not None:
        np.testing.assert_allclose(image.reshape(-1, 3), [color] * (image.size // 3), atol=3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_is_read_whatever_its_name(kind, tmp_path):
    for name in (
        "picture.txt",
        "picture.png",
        "picture",
        "Übung 1 · 図.jpeg",
        "a'b\"c;rm -rf.jpg",
        "%s%n.png",
    ):
        path = tmp_path / name
        path.write_bytes(encoded(plain(color=(255, 0, 0)), kind))
        np.testing.assert_allclose(load_image(path)[3, 3], (255, 0, 0), atol=4)


@pytest.mark.parametrize(
    ("value", "shape", "corner"),
    [
        (1, (4, 6), (0, 0)),
        (2, (4, 6), (0, 5)),
        (3, (4, 6), (3, 5)),
        (4, (4, 6), (3, 0)),
        (5, (6, 4), (0, 0)),
        (6, (6, 4), (0, 3)),
        (7, (6, 4), (5, 3)),
        (8, (6, 4), (5, 0)),
    ],
)
def test_all_eight_orientations_of_a_camera_are_applied(value, shape, corner):
    image = load_image(with_orientation(value))
    assert image.shape[:2] == shape
    assert image[corner].tolist() == [255, 0, 0]


def test_sixteen_bits_keep_their_fractions():
    image = load_image(encoded(Image.fromarray(GRADIENT), "PNG"))
    np.testing.assert_allclose(image[..., 0], GRADIENT / 257, atol=1e-3)


def cut_short(kind, share, **options):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind, **options)
    return data[: int(share * len(data))]


def flipped(kind, every):
    data = bytearray(encoded(Image.effect_noise((64, 64), 60), kind))
    for place in range(40, len(data), every):
        data[place] ^= 0xFF
    return bytes(data)


BOMB = png(50_000, 50_000, 8, 0, bytes(1000))

REFUSED = {
    "nothing": (b"", "not a picture in a format"),
    "text": (b"this is no picture, it is a sentence", "not a picture in a format"),
    "HTML": (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "not a picture in a format"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "not a picture in a format"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "not a picture in a format"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture in a format"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "save it as JPEG or PNG first"),
    "film": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "save it as JPEG or PNG first"),
    "zip": (b"PK\x03\x04" + bytes(60), "not a picture in a format"),
    "pickle": (b"\x80\x04\x95\x0c\0\0\0\0\0\0\0\x8c\x05posix\x94.", "not a picture in a format"),
    "array file": (
        b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "not a picture",
    ),
    "zeros": (bytes(4096), "not a picture in a format"),
    "random bytes": (np.random.default_rng(1).bytes(4096), "not a picture in a format"),
    "only the signature of a PNG": (b"\x89PNG\r\n\x1a\n", "picture"),
    "only the first bytes of a JPEG": (b"\xff\xd8\xff\xe0", "picture"),
    "JPEG cut short": (cut_short("JPEG", 0.5), "cannot be read as a picture"),
    "progressive JPEG cut short": (cut_short("JPEG", 0.3, progressive=True), "cannot be read as a picture"),
    "PNG cut short": (cut_short("PNG", 0.5), "cannot be read as a picture"),
    "GIF cut short": (cut_short("GIF", 0.5), "cannot be read as a picture"),
    "WebP cut short": (cut_short("WEBP", 0.5), "picture"),
    "BMP cut short": (cut_short("BMP", 0.5), "cannot be read as a picture"),
    "TIFF cut short": (cut_short("TIFF", 0.5), "picture"),
    "PPM cut short": (cut_short("PPM", 0.5), "cannot be read as a picture"),
    "PNG with wrong bits": (flipped("PNG", 97), "picture"),
    "TIFF with wrong bits": (flipped("TIFF", 3), "picture"),
    "bomb": (BOMB, "more pixels than the 150 million"),
    "wide bomb": (png(2**31 - 1, 1, 8, 0, b"\0"), "pixels"),
    "PNG without pixels": (png(4, 4, 8, 2, b""), "cannot be read as a picture"),
    "BMP of negative size": (
        b"BM"
        + struct.pack("<IHHI", 70, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, -5, 5, 1, 24, 0, 16, 1, 1, 0, 0),
        "more pixels",
    ),
    "text file": (io.StringIO("not bytes"), "a file opened with mode 'rb'"),
    "None": (None, "NoneType"),
    "a number": (3.5, "float"),
    "a list": ([[1, 2], [3, 4]], "list"),
    "a set": ({1}, "set"),
    "array of NaN": (np.full((4, 4, 3), np.nan), "finite values 0…255"),
    "array of infinity": (np.full((4, 4, 3), np.inf), "finite values 0…255"),
    "array below 0": (np.full((4, 4, 3), -1), "finite values 0…255"),
    "array above 255": (np.full((4, 4, 3), 256), "finite values 0…255"),
    "array of huge integers": (np.full((4, 4, 3), 2**62), "finite values 0…255"),
    "array of fractions": (np.full((4, 4, 3), 0.5), "multiply it by 255"),
    "array of truth values": (np.ones((4, 4, 3), bool), "not bool"),
    "array of complex numbers": (np.ones((4, 4, 3), complex), "not complex"),
    "array of objects": (np.full((4, 4, 3), None), "not object"),
    "array of texts": (np.full((4, 4, 3), "a"), "not <U1"),
    "array of dates": (np.full((4, 4, 3), np.datetime64("2020-01-01")), "not datetime64"),
    "array of five channels": (np.zeros((4, 4, 5)), r"\(4, 4, 5\)"),
    "array with channels first": (np.zeros((3, 40, 40)), r"\(3, 40, 40\)"),
    "batch of arrays": (np.zeros((2, 4, 4, 3)), r"\(2, 4, 4, 3\)"),
    "array without pixels": (np.zeros((0, 4, 3)), r"\(0, 4, 3\)"),
    "a number as array": (np.float32(3), r"\(\)"),
    "endless array": (np.broadcast_to(np.uint8(7), (10**6, 10**6, 3)), "1000000 × 1000000 pixels"),
    "endless gray array": (np.broadcast_to(np.uint8(7), (10**6, 10**6)), "1000000 × 1000000 pixels"),
    "picture of NaN": (Image.fromarray(np.full((4, 4), np.nan, np.float32)), "save it with 8 or 16 bits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_in_one_sentence(name, one_sentence):
    source, words = REFUSED[name]
    with pytest.raises(PictureError, match=words) as refused:
        load_image(source)
    one_sentence(refused.value)


@pytest.mark.parametrize("name", [name for name, (source, _) in REFUSED.items() if isinstance(source, bytes)])
def test_a_file_that_is_no_picture_is_named(name, tmp_path, one_sentence):
    path = tmp_path / "from a student.jpg"
    path.write_bytes(REFUSED[name][0])
    for read in (
        load_image,
        lambda path: list(load_frames(path)),
        read_settings,
        lambda path: load_mask(path, 4, 4),
    ):
        with pytest.raises(PictureError, match=r"from a student\.jpg") as refused:
            read(path)
        one_sentence(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nowhere.jpg",
        "no/such/folder.png",
        "a\0b.png",
        "x" * 5000 + ".png",
        "nameless",
        "~",
        "a\nb.jpg",
        ".",
    ],
)
def test_a_file_that_is_not_there_is_named(name, one_sentence):
    with pytest.raises((MissingFileError, PictureError)) as refused:
        load_image(name)
    one_sentence(refused.value)


def test_folders_pipes_and_devices_are_no_pictures(tmp_path):
    with pytest.raises(PictureError, match="is a folder, a device or a pipe"):
        load_image(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(PictureError, match="is a folder, a device or a pipe"):
            load_image(tmp_path / "pipe")
    if os.path.exists("/dev/zero"):
        with pytest.raises(PictureError, match="is a folder, a device or a pipe"):
            load_image("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(MissingFileError):
        load_image(tmp_path / "loop")


def test_a_file_without_permission_is_named(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(plain(), "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PictureError, match=r"secret\.png cannot be read"):
        load_image(path)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureError, match="more pixels than the 150 million"):
        load_image(BOMB)


def test_a_picture_of_144_million_pixels_is_read_small():
    data = encoded(Image.new("L", (12_000, 12_000), 90), "PNG", compress_level=1)
    image = load_image(data, size=64)
    assert image.shape == (64, 64, 3)
    np.testing.assert_allclose(image, 90, atol=1)


def test_a_large_jpeg_is_reduced_as_it_is_decoded_and_looks_the_same():
    small = load_image(bundled_image("temple"))
    large = Image.fromarray(small.astype(np.uint8)).resize((6000, 4000))
    data = encoded(large, "JPEG", quality=95)
    image = load_image(data, size=100)
    assert image.shape == (100, 150, 3)
    assert np.abs(image - load_image(np.asarray(large), size=100)).mean() < 1.5


def test_proportions_that_would_become_endless_are_refused():
    with pytest.raises(PictureError, match="1 × 5000 pixels, one side 5000 times the other: crop it"):
        load_image(np.zeros((5000, 1, 3)), size=256)
    with pytest.raises(CourseError):
        load_image(np.zeros((5, 5, 3)), size=10**9)


def test_what_is_saved_can_be_read_even_where_it_is_large():
    with pytest.raises(CourseError, match=r"wide\.webp cannot be written: .*16383"):
        save_image(np.zeros((1, 17_000, 3)), "wide.webp")
    assert not os.path.exists("wide.webp")


WRONG = (None, True, "many", b"x", -1, 0.5, float("nan"), float("inf"), [], {}, object(), np.zeros(3), 10**30)
FITTING = {
    # What is no mistake: an argument, and how its value is written.
    "size": {"None"},
    "content_weight": {"0.5", str(10**30)},
    "style_weight": {"0.5", str(10**30)},
    "layer_weights": {"None", "{}", "0.5"},
    "blend": {"None"},
    "masks": {"None"},
    "style_masks": {"None"},
    "style_scale": {"0.5"},
    "terms": {"None", "{}"},
    "tolerance": {"None", "0.5"},
    "seed": {str(10**30)},
    "scales": {"None"},
    "precision": {"None"},
    "parametrization": {"None"},
    "losses": {"{}"},
    "network": {"{}"},
    "run": {"{}"},
    "content_per_entry": {"True"},
    "deterministic": {"True"},
    "progress": {"True"},
    "normalized": {"None", "True"},
    "memory": {"None", "0.5", str(10**30)},
    "checkpoint": {"None", "many"},
    "checkpoint_every": {"0.5", str(10**30)},
    "resume": {"None"},
    "callback": {"None"},
}


OPTIONS = [field.name for kind in GROUPS.values() for field in dataclasses.fields(kind)]
CHECKED = [name for name in [*inspect.signature(transfer).parameters, *OPTIONS]]


@pytest.mark.parametrize("name", CHECKED)
def test_an_argument_of_another_kind_is_refused_in_one_sentence(
    name, photo, painting, monkeypatch, tmp_path, one_sentence
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("helpers.engine.run.coarse_to_fine", lambda *_, **__: pytest.fail("it ran"))
    fitting = FITTING.get(name, set())
    for value in WRONG:
        if str(value) not in fitting:
            run = {"content": photo, "style": painting, "steps": 1, "weights": "random", "progress": False}
            with pytest.raises(CourseError) as refused:
                transfer(**merged({**run, name: value}))
            one_sentence(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_bundled_picture_comes_before_a_file_or_folder_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bundled = load_image("cat")
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (5, 4)).save(tmp_path / "temple", "PNG")
    np.testing.assert_array_equal(load_image("cat"), bundled)
    assert load_image("temple").shape[1] > 5
    assert load_image("./temple").shape == (4, 5, 3)


def test_folders_and_patterns_stand_for_their_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "photos [1]").mkdir()
    names = ["b.jpg", "a.PNG", "notes.txt"]
    for name in names:
        (tmp_path / "photos [1]" / name).touch()
    inside = [os.path.join("photos [1]", name) for name in ("a.PNG", "b.jpg")]
    assert picture_sources(["cat", "photos [1]", None, "x.jpg"]) == ["cat", *inside, None, "x.jpg"]
    assert picture_sources([os.path.join("photos*", "*.jpg")]) == inside[1:]
    (tmp_path / "empty").mkdir()
    for nothing in ("empty", "*.webp", "photos [[]1]/*.gif"):
        with pytest.raises(MissingFileError, match="no picture in"):
            picture_sources([nothing])
