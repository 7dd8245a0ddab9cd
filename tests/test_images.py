import io
import json

import numpy as np
import pytest
from PIL import Image

from helpers import (
    PictureError,
    bundled_image,
    bundled_images,
    crop_to_square,
    deprocess,
    image_bytes,
    load_image,
    load_mask,
    preprocess,
    read_settings,
    resize_image,
    save_image,
)


def test_preprocess_and_deprocess_are_exact_inverses_on_every_value():
    values = np.arange(256, dtype=np.uint8)
    image = np.stack([values, values[::-1], np.roll(values, 100)], axis=-1).reshape(16, 16, 3)
    assert (deprocess(preprocess(image)) == image).all()


def test_preprocess_orders_blue_green_red_and_subtracts_the_imagenet_mean():
    image = np.array([[[10, 20, 30]]], dtype=np.uint8)
    pixels = preprocess(image)
    assert pixels.shape == (1, 1, 1, 3)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[0, 0, 0], [30 - 103.939, 20 - 116.779, 10 - 123.68], rtol=1e-6)


def test_deprocess_rounds_and_clips():
    mean = np.array([103.939, 116.779, 123.68])
    pixels = (np.array([300.0, -20.0, 99.6]) - mean).reshape(1, 1, 1, 3)
    assert deprocess(pixels).tolist() == [[[100, 0, 255]]]
    assert deprocess(pixels).dtype == np.uint8


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4, 3), (4, 4, 4)])
def test_preprocess_names_a_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        preprocess(np.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 4, 3), (2, 4, 4, 3), (1, 4, 4, 1)])
def test_deprocess_names_a_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"\(1, H, W, 3\)"):
        deprocess(np.zeros(shape))


def test_every_kind_of_source_gives_the_same_image(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(array).save(path)
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file]
        sources += [Image.fromarray(array), array, array.astype(np.float64)]
        for source in sources:
            image = load_image(source)
            assert image.dtype == np.float32
            assert (image == array).all()


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40), (50, 50)])
def test_size_sets_the_shorter_side_and_crop_the_central_square(height, width):
    array = np.zeros((height, width, 3), np.uint8)
    array[height // 2 - 3 : height // 2 + 3, width // 2 - 3 : width // 2 + 3] = 255
    image = load_image(array, size=20)
    assert min(image.shape[:2]) == 20
    assert max(image.shape[:2]) == round(20 * max(height, width) / min(height, width))
    square = load_image(array, size=20, crop=True)
    assert square.shape == (20, 20, 3)
    assert square[10, 10, 0] > 250
    np.testing.assert_allclose(square[:, ::-1], square, atol=1e-3)


def test_crop_without_a_size_keeps_the_resolution():
    array = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)
    assert (load_image(array, crop=True) == array[:, 2:7]).all()
    assert (crop_to_square(array.transpose(1, 0, 2)) == array.transpose(1, 0, 2)[2:7]).all()


def test_resampling_keeps_a_constant_and_stays_within_the_range():
    flat = np.full((30, 20, 3), 200.0, np.float32)
    np.testing.assert_allclose(resize_image(flat, 13, 37), 200, rtol=1e-5)
    edges = np.zeros((32, 32, 3), np.float32)
    edges[:, 16:] = 255
    resized = resize_image(edges, 80, 80)
    assert resized.min() >= 0
    assert resized.max() <= 255


def test_the_cameras_orientation_is_applied():
    picture = Image.new("RGB", (6, 4), "black")
    picture.putpixel((0, 0), (255, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    image = load_image(buffer.getvalue())
    assert image.shape == (6, 4, 3)
    assert image[0, 3].tolist() == [255, 0, 0]


def test_transparency_is_laid_over_white():
    picture = Image.new("RGBA", (1, 2), (0, 0, 0, 0))
    picture.putpixel((0, 1), (0, 100, 200, 255))
    assert load_image(picture).tolist() == [[[255, 255, 255]], [[0, 100, 200]]]
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([10, 20, 30])
    palette.info["transparency"] = 0
    assert load_image(palette).tolist() == [[[255, 255, 255]]]


def test_gray_sixteen_bit_and_cmyk_pictures_become_rgb():
    assert load_image(Image.new("L", (1, 1), 77)).tolist() == [[[77, 77, 77]]]
    sixteen = Image.fromarray(np.array([[65535, 0, 257 * 80]], dtype=np.uint16))
    assert load_image(sixteen)[0, :, 1].tolist() == [255, 0, 80]
    assert load_image(Image.new("CMYK", (1, 1), (0, 0, 0, 0))).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("nowhere.jpg", FileNotFoundError, "no file and no bundled picture 'nowhere.jpg'"),
        (".", PictureError, "folder"),
        (b"not a picture", ValueError, "not a picture"),
        (42, PictureError, "int"),
        (np.full((2, 2, 3), np.nan), ValueError, "finite"),
        (np.full((2, 2, 3), 300.0), ValueError, "0…255"),
        (np.zeros((2, 2, 5)), ValueError, r"\(H, W, 3\)"),
        (np.full((2, 2, 3), 0.5), ValueError, "255"),
        (np.full((2, 2, 3), "a"), ValueError, "numbers"),
    ],
)
def test_what_is_no_picture_is_named_in_a_sentence(source, error, words):
    with pytest.raises(error, match=words):
        load_image(source)


def test_a_truncated_picture_is_named(tmp_path):
    path = tmp_path / "half.jpg"
    path.write_bytes(bundled_image("temple").read_bytes()[:20000])
    with pytest.raises(ValueError, match=r"half\.jpg"):
        load_image(path)


def test_a_size_below_one_pixel_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        load_image(np.zeros((4, 4, 3), np.uint8), size=0)


def test_a_png_keeps_every_value_and_carries_its_settings(tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    settings = {"recipe": "transfer", "arguments": {"style_weight": 100.0, "content": "Bär.jpg"}}
    path = save_image(image, tmp_path / "picture.png", settings)
    assert (load_image(path) == image).all()
    assert read_settings(path) == json.loads(json.dumps(settings))
    assert [entry.name for entry in tmp_path.iterdir()] == ["picture.png"]


def test_other_formats_are_saved_without_settings(tmp_path):
    image = np.full((8, 8, 3), 90, np.uint8)
    path = save_image(image, tmp_path / "picture.jpg")
    assert np.abs(load_image(path) - 90).max() <= 2
    with pytest.raises(ValueError, match="PNG"):
        save_image(image, tmp_path / "other.jpg", {"seed": 0})
    with pytest.raises(ValueError, match="no settings"):
        read_settings(path)


def test_a_name_without_a_format_and_a_missing_folder_are_refused(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match=r"\.png"):
        save_image(image, tmp_path / "picture")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_image(image, tmp_path / "nowhere" / "picture.png")


def test_the_bundled_pictures_are_there_and_an_unknown_one_names_them():
    assert len(bundled_images("content")) == 5
    assert len(bundled_images("style")) == 6
    assert len(bundled_images("texture")) == 3
    assert len(bundled_images("mask")) == 4
    with pytest.raises(FileNotFoundError, match="great_wave"):
        bundled_image("starry_night")


def test_an_image_becomes_the_bytes_of_a_png_file():
    image = np.array([[[0.2, 100.6, 300.0], [-5.0, 1.0, 2.0]]])
    assert np.array_equal(load_image(image_bytes(image)), [[[0, 101, 255], [0, 1, 2]]])


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]]),
        ([[0.0, 0.25], [0.5, 1.0]], [[0, 0.25], [0.5, 1]]),
        ([[False, True], [True, True]], [[0, 1], [1, 1]]),
        ([[0, 51], [102, 255]], [[0, 0.2], [0.4, 1]]),
    ],
)
def test_a_mask_is_read_from_truth_values_shares_and_gray_levels(values, wanted):
    assert load_mask(np.array(values), 2, 2) == pytest.approx(np.array(wanted))


@pytest.mark.parametrize("values", [[[0.5, -0.1], [0, 1]], [[0.5, np.nan], [0, 1]]])
def test_a_mask_of_shares_below_0_or_of_no_number_is_refused(values):
    with pytest.raises(PictureError, match="finite values 0…255"):
        load_mask(np.array(values), 2, 2)


@pytest.mark.parametrize(
    ("picture", "region"), [("temple", "temple"), ("village_street_in_auvers", "village")]
)
def test_the_bundled_masks_fit_their_pictures_and_each_other(picture, region):
    height, width = load_image(picture, 96).shape[:2]
    sky, ground = (load_mask(f"{region}_{part}", height, width) for part in ("sky", "ground"))
    assert 0.1 < sky.mean() < 0.6
    assert np.abs(sky + ground - 1).max() < 0.05
    assert sky[:10].mean() > 0.7
    assert sky[-10:].mean() < 0.01


def test_an_array_is_taken_as_it_is_unless_it_can_only_be_fractions():
    for brightest in (1.25, 2.0, 255.0):
        array = np.zeros((4, 5, 3), np.float32)
        array[1, 2] = brightest
        assert load_image(array).max() == np.float32(brightest)
    with pytest.raises(ValueError, match="multiply it by 255"):
        load_image(np.full((4, 5, 3), 1.0))
    with pytest.raises(ValueError, match=r"0…255"):
        load_image(np.full((4, 5, 3), 255.5))


@pytest.mark.parametrize("alpha", [0, 51, 128, 255])
def test_an_arrays_transparency_is_laid_over_white(alpha):
    image = load_image(np.full((3, 4, 4), (200, 60, 20, alpha), np.uint8))
    expected = [255 + (color - 255) * alpha / 255 for color in (200, 60, 20)]
    np.testing.assert_allclose(image, np.broadcast_to(expected, (3, 4, 3)), atol=1e-3)


@pytest.mark.parametrize("shape", [(20, 2000), (3000, 10), (1, 40)])
def test_a_very_oblong_picture_is_not_enlarged_to_what_takes_hours(shape):
    picture = np.full((*shape, 3), 90.0)
    with pytest.raises(PictureError, match="crop it, or choose a size"):
        load_image(picture, 256)
    assert load_image(picture, min(shape)).shape[:2] == shape
    assert min(load_image(picture, 2 * min(shape)).shape[:2]) == 2 * min(shape)
    assert load_image(picture, 256, crop=True).shape == (256, 256, 3)
