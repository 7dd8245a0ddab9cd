"""What holds for every image, mask and setting, tried on many drawn at random."""

import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image

from helpers import (
    CourseError,
    Network,
    Run,
    bundled_image,
    deprocess,
    load_image,
    load_mask,
    load_preset,
    preprocess,
    read_settings,
    save_image,
    save_preset,
)
from helpers.engine.coarse_to_fine import pyramid, steps_per_size
from helpers.engine.run import fingerprint
from helpers.errors import check_number, check_whole
from helpers.files.writing import safe_stem
from helpers.options import GROUPS, filled, merged

# The first example of a test may have to wait for imports; the folder of a test serves all its examples.
settings.register_profile(
    "course", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80
)
settings.load_profile("course")

SIDES = st.integers(1, 24)
IMAGES = st.tuples(SIDES, SIDES, st.just(3)).flatmap(lambda shape: arrays_of.arrays(np.uint8, shape))
KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def encoded(kind):
    buffer = io.BytesIO()
    Image.open(bundled_image("cat")).resize((40, 30)).save(buffer, kind)
    return buffer.getvalue()


SEEDS = {kind: encoded(kind) for kind in KINDS}


@given(IMAGES)
def test_an_image_is_the_same_after_pixels_and_after_a_file(image):
    assert (deprocess(preprocess(image)) == image).all()
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    assert (load_image(buffer.getvalue()) == image).all()
    assert fingerprint(load_image(image)) == fingerprint(load_image(buffer.getvalue()))


@given(IMAGES, st.integers(1, 40), st.booleans())
def test_a_size_is_the_shorter_side_and_colors_stay_within_their_range(image, size, crop):
    loaded = load_image(image, size, crop)
    height, width = loaded.shape[:2]
    assert min(height, width) == size
    assert not crop or height == width
    if not crop:
        assert abs(height * image.shape[1] - width * image.shape[0]) <= max(image.shape[:2])
    assert 0 <= loaded.min() <= loaded.max() <= 255


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_a_course_error(one_sentence, data):
    for read in (load_image, lambda data: load_mask(data, 8, 8), read_settings):
        try:
            read(data)
        except CourseError as error:
            one_sentence(error)


@given(st.sampled_from(KINDS), st.data())
def test_any_damage_to_a_picture_leaves_a_picture_or_a_course_error(one_sentence, kind, data):
    damaged = bytearray(SEEDS[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        image = load_image(bytes(damaged))
    except CourseError as error:
        one_sentence(error)
    else:
        assert image.ndim == 3
        assert np.isfinite(image).all()
        assert 0 <= image.min() <= image.max() <= 255


ANY_ARRAY = st.one_of(arrays_of.scalar_dtypes(), st.just(np.dtype(object))).flatmap(
    lambda dtype: arrays_of.arrays(
        dtype,
        arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
        elements=st.none() if dtype.hasobject else None,
    )
)


@given(ANY_ARRAY)
def test_any_array_is_an_image_or_a_course_error(array):
    for read in (load_image, lambda array: load_mask(array, 3, 3)):
        try:
            image = read(array)
        except CourseError:
            continue
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert 0 <= image.min() <= image.max() <= 255


@given(
    st.tuples(SIDES, SIDES).flatmap(
        lambda shape: arrays_of.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
    ),
    st.integers(1, 4),
)
def test_a_mask_keeps_its_range_and_about_its_area_in_another_size(mask, times):
    height, width = mask.shape
    larger = load_mask(mask, height * times, width * times)
    assert larger.shape == (height * times, width * times)
    assert 0 <= larger.min() <= larger.max() <= 1
    assert larger.mean() == pytest.approx(mask.mean(), abs=1e-5)


@given(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 16), st.integers(1, 5000))
def test_a_run_takes_exactly_its_steps_and_ends_in_its_size(height, width, scales, steps):
    sizes = pyramid(height, width, scales)
    assert len(sizes) == scales
    assert sizes[-1] == (height, width)
    assert sizes == sorted(sizes)
    shares = steps_per_size(steps, scales)
    assert sum(shares) == steps
    assert min(shares) >= 0
    assert shares[-1] > 0


FITTING = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(1, 4096),
        "steps": st.integers(1, 1000),
        "style_weight": st.floats(0, 1e6),
        "style_scale": st.floats(0.1, 8),
        "tolerance": st.floats(0, 0.99),
        "colors": st.sampled_from(["style", "luma", "covariance", "histogram"]),
        "blend": st.lists(st.floats(0, 9), min_size=1, max_size=4),
        "layer_weights": st.dictionaries(st.sampled_from(["conv1_1", "block2_conv1"]), st.floats(0, 9)),
        "seed": st.integers(0, 2**40),
    },
)


@given(FITTING)
def test_settings_that_fit_pass_and_are_the_same_after_a_file(tmp_path, arguments):
    arguments = merged(arguments)
    for name, kind in GROUPS.items():
        assert filled(kind, arguments.get(name, {}))
    path = save_preset(tmp_path / "mine.json", **arguments)
    assert load_preset(path) == arguments
    image = np.zeros((2, 3, 3), np.uint8)
    noted = {"recipe": "transfer", "arguments": arguments}
    assert read_settings(save_image(image, tmp_path / "mine.png", noted)) == noted


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *(field.name for kind in GROUPS.values() for field in dataclasses.fields(kind)),
                *GROUPS,
                "unknown",
            ]
        ),
        ANYTHING,
    )
)
def test_any_settings_pass_or_are_a_course_error(one_sentence, arguments):
    arguments = merged(arguments)
    for name, kind in GROUPS.items():
        try:
            options = filled(kind, arguments.get(name, {}))
        except CourseError as error:
            one_sentence(error)
        else:
            assert isinstance(options, kind)


def test_options_are_merged_field_by_field_and_the_later_override():
    first = {"size": 96, "run": Run(scales=2, tolerance=0.1), "pooling": "max"}
    then = {"run": {"scales": 1}, "network": Network(normalized=False), "size": 32}
    assert merged(first, then) == {
        "size": 32,
        "run": {"scales": 1, "tolerance": 0.1},
        "network": {"pooling": "max", "normalized": False},
    }
    run = filled(Run, merged(first, then)["run"], scales=7, parametrization="cosine")
    assert (run.scales, run.tolerance, run.parametrization, run.memory) == (1, 0.1, "cosine", None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scale": 1}, "Run has no 'scale'; near are scales"),
        ("lbfgs", r"given as Run\(…\), not 'lbfgs'"),
        (Network(), r"given as Run\(…\), not Network"),
        ({"scales": 0}, "from 1 to 16, not 0"),
        ({"progress": 1}, "progress is True or False, not 1"),
    ],
)
def test_options_of_another_kind_are_refused_in_a_sentence(given, said, one_sentence):
    with pytest.raises(CourseError, match=said) as refused:
        filled(Run, given)
    one_sentence(refused.value)


def test_a_group_tells_what_each_of_its_fields_does():
    for kind in GROUPS.values():
        for field in dataclasses.fields(kind):
            assert f"``{field.name}``: {field.metadata['help']}." in kind.__doc__


@given(st.text(max_size=200))
def test_a_file_of_any_text_is_a_preset_or_a_course_error(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(CourseError):
        load_preset(path)


@given(ANYTHING)
def test_any_json_is_a_preset_or_a_course_error(one_sentence, tmp_path, value):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(value, default=str), encoding="utf-8")
    try:
        assert load_preset(path) == {}
    except CourseError as error:
        one_sentence(error, "mine.json")


@given(st.text(max_size=300))
def test_a_name_made_of_any_name_stays_in_its_folder(tmp_path, name):
    stem = safe_stem(name)
    assert stem
    assert len(stem) <= 60
    assert (tmp_path / f"{stem}.png").resolve().parent == tmp_path.resolve()
    assert not set(stem) & set('/\\:*?"<>|\0\n')


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "C:\\Windows\\win.ini",
        "a/../../b.png",
        "\0",
        "",
        ".bashrc",
        "~root",
    ],
)
def test_names_that_lead_elsewhere_lead_nowhere(name, tmp_path):
    assert (tmp_path / safe_stem(name)).resolve().parent == tmp_path.resolve()


@given(ANYTHING)
def test_a_check_passes_what_fits_and_nothing_else(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    for check, fits in (
        (check_whole, is_number and isinstance(value, int) and value >= 1),
        (check_number, is_number and 0 <= value < 1e300),
    ):
        if fits:
            check("It", value)
        else:
            with pytest.raises(CourseError, match=r"^It is a .*\.$"):
                check("It", value)
