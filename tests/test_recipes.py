import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import (
    PIXELS,
    STYLE_LAYERS,
    Result,
    Term,
    as_printed,
    bundled_image,
    load_image,
    load_mask,
    minimize,
    objective,
    preprocess,
    read_settings,
    recipes,
    reconstruct,
    save_image,
    synthesize_texture,
    transfer,
)
from helpers.compute.framework import keras
from helpers.engine import run as run_module
from helpers.engine.run import json_ready
from helpers.engine.tiling import Evaluator
from helpers.errors import ArgumentError, RunError
from helpers.options import merged
from helpers.vgg import MEAN_ACTIVATIONS

ROOT = Path(__file__).parent.parent
QUIET = {"progress": False, "weights": "bundled"}


@pytest.fixture(scope="module")
def result(photo, painting):
    return transfer(photo, painting, **merged({"steps": 12}, QUIET))


def test_the_loss_falls(result, photo, painting):
    runs = [
        result,
        reconstruct(photo, "conv2_1", **merged({"steps": 12}, QUIET)),
        synthesize_texture(painting, ["conv1_1", "conv2_1"], **merged({"steps": 12}, QUIET)),
        transfer(photo, painting, **merged({"steps": 12, "optimizer": "adam"}, QUIET)),
    ]
    for run in runs:
        assert run.history[-1]["total"] < 0.7 * run.history[0]["total"]


def test_a_result_holds_what_a_reader_needs(result, photo):
    assert isinstance(result, Result)
    assert result.image.shape == photo.shape
    assert result.image.dtype == np.uint8
    assert len(result.history) == 12
    for record in result.history:
        assert set(record) == {"step", "evaluations", "seconds", "size", "total", "content", "style"}
        expected = record["content"] + 50 * record["style"]
        assert record["total"] == pytest.approx(expected, rel=1e-4)
    assert json.loads(json.dumps(result.settings)) == result.settings
    assert result.settings["recipe"] == "transfer"
    assert result.settings["weights"]["name"] == "bundled"
    assert len(result.settings["weights"]["sha256"]) == 64
    assert result.settings["steps_taken"] == 12


def test_the_same_seed_gives_the_same_picture(photo, painting):
    runs = [
        transfer(photo, painting, **merged({"start": "noise", "steps": 4, "seed": seed}, QUIET))
        for seed in (1, 1, 2)
    ]
    difference = np.abs(runs[0].image.astype(float) - runs[1].image)
    assert difference.max() <= 2
    assert np.abs(runs[0].image.astype(float) - runs[2].image).mean() > 5


def test_a_saved_pictures_settings_repeat_the_run(tmp_path):
    first = transfer("temple", bundled_image("great_wave"), **merged({"size": 32, "steps": 4}, QUIET))
    path = first.save(tmp_path / "picture.png")
    settings = read_settings(path)
    again = getattr(recipes, settings["recipe"])(**merged(settings["arguments"], {"progress": False}))
    assert np.abs(again.image.astype(float) - load_image(path)).max() <= 2
    assert again.settings == first.settings


def test_settings_name_bundled_pictures_and_no_folder_of_this_machine():
    result = transfer(bundled_image("temple"), "great_wave", **merged({"size": 32, "steps": 1}, QUIET))
    assert result.settings["arguments"]["content"] == "temple"
    assert str(bundled_image("temple").parent) not in json.dumps(result.settings)


def test_pictures_given_as_bytes_and_open_files_are_read_once(tmp_path, photo):
    path = bundled_image("great_wave")
    with path.open("rb") as file:
        result = transfer(photo, file, **merged({"steps": 1}, QUIET))
    again = transfer(photo, path.read_bytes(), **merged({"steps": 1}, QUIET))
    assert result.settings["inputs"] == again.settings["inputs"]
    assert result.settings["arguments"]["style"] == {"given_as": "BufferedReader"}


def test_a_result_saved_as_jpeg_has_no_settings(result, tmp_path):
    path = result.save(tmp_path / "picture.jpg")
    assert np.abs(load_image(path) - result.image).mean() < 8


@pytest.mark.parametrize("start", ["content", "style", "noise", np.full((20, 50, 3), 90, np.uint8)])
def test_a_transfer_starts_from_what_is_asked(photo, painting, start):
    images = []
    transfer(
        photo,
        painting,
        **merged(
            {
                "start": start,
                "steps": 1,
                "optimizer": "adam",
                "callback": lambda record, image: images.append(image().astype(float)),
            },
            QUIET,
        ),
    )
    # One step of Adam moves each color by at most its learning rate of five gray levels.
    expected = {
        "content": photo,
        "style": recipes._cover(load_image(painting, size=32), *photo.shape[:2]),
        "noise": recipes.white_noise(*photo.shape[:2], seed=0),
    }.get(start if isinstance(start, str) else "", np.full(photo.shape, 90.0))
    assert np.abs(images[0] - expected).max() < 6


def test_a_painting_of_another_size_and_shape_fits(photo):
    tall = load_image("great_wave", size=30).transpose(1, 0, 2)
    large = load_image("great_wave", size=64)
    for painting in (tall, large):
        result = transfer(photo, painting, **merged({"steps": 1}, QUIET))
        assert result.image.shape == photo.shape
    assert result.settings["inputs"]["style"]["height"] == 32


def test_size_sets_the_shorter_side_of_the_result():
    assert transfer("temple", "great_wave", **merged({"size": 24, "steps": 1}, QUIET)).image.shape == (
        24,
        36,
        3,
    )
    assert reconstruct("cat", "conv1_1", **merged({"size": 20, "steps": 1}, QUIET)).image.shape[0] == 20


@pytest.mark.parametrize("size", [40, (20, 48), None])
def test_a_texture_has_any_size(painting, size):
    result = synthesize_texture(painting, "conv2_1", **merged({"size": size, "steps": 1}, QUIET))
    assert result.image.shape[:2] == {40: (40, 40), None: painting.shape[:2]}.get(size, size)


def test_equation_1_as_printed_grows_with_the_number_of_entries(photo, painting):
    sums, means = (
        transfer(
            photo,
            painting,
            **merged(
                {"content_per_entry": per_entry, "style_weight": 0, "start": "noise", "steps": 1}, QUIET
            ),
        )
        for per_entry in (False, True)
    )
    entries = (photo.shape[0] // 8) * (photo.shape[1] // 8) * 512
    ratio = sums.history[0]["content"] / means.history[0]["content"]
    assert ratio == pytest.approx(entries, rel=0.05)


def test_layer_weights_choose_what_counts(photo, painting):
    layers = ["conv1_1", "conv2_1"]
    run = {"style_layers": layers, "content_weight": 0, "start": "noise", "steps": 1, **QUIET}
    only_first = transfer(photo, painting, **merged({"layer_weights": {"conv1_1": 1.0, "conv2_1": 0.0}}, run))
    alone = transfer(photo, painting, **merged({**run, "style_layers": ["conv1_1"]}))
    assert only_first.history[0]["style"] == pytest.approx(alone.history[0]["style"], rel=1e-3)


def test_coarse_to_fine_ends_at_the_full_size(photo, painting):
    result = transfer(photo, painting, **merged({"scales": 2, "steps": 5}, QUIET))
    assert [record["size"] for record in result.history] == [16, 16, 32, 32, 32]
    assert result.image.shape == photo.shape


def test_a_transfer_from_the_photo_without_style_keeps_the_photo(photo, painting):
    result = transfer(photo, painting, **merged({"style_weight": 0, "steps": 3}, QUIET))
    assert np.abs(result.image - photo).max() <= 1
    assert [record["step"] for record in result.history] == [0]


def test_the_callback_can_end_a_run(photo, painting):
    def enough(record, image):
        if record["step"] == 2:
            raise StopIteration

    result = transfer(photo, painting, **merged({"steps": 30, "callback": enough}, QUIET))
    assert len(result.history) == 2
    assert result.settings["steps_taken"] == 2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"content": "nowhere.jpg"}, FileNotFoundError, "nowhere.jpg"),
        ({"style": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"start": "nosie"}, FileNotFoundError, "'noise', 'content', 'style'"),
        ({"content_layer": "conv4_9"}, ValueError, "conv4_9"),
        ({"style_layers": []}, ValueError, "at least one layer"),
        ({"layer_weights": {"conv1_1": 1.0}}, ValueError, "weights name the layers"),
        ({"size": 8}, ValueError, "shorter side needs 16 for these layers."),
        ({"scales": 3}, ValueError, "needs 64 for these layers at 3 scales"),
        ({"size": 32.5}, ValueError, "32.5"),
        ({"steps": 1.5}, ValueError, "1.5"),
        ({"seed": -1, "start": "noise"}, ValueError, "at least 0, not -1"),
        ({"weights": MEAN_ACTIVATIONS}, ValueError, "does not hold the weights"),
        ({"optimizer": "sgd"}, ValueError, "sgd"),
        ({"scales": 0}, ValueError, "from 1 to [0-9]+, not 0"),
        ({"style_weight": -1.0}, ValueError, "β, is a number of 0 or more, not -1"),
        ({"style_weight": 0, "content_weight": 0}, ValueError, "not both 0"),
        ({"content_weight": float("nan")}, ValueError, "α, is a number of 0 or more, not nan"),
        ({"steps": 0}, ValueError, "from 1 to [0-9]+, not 0"),
        ({"weights": "imagnet"}, ValueError, "imagnet"),
        ({"pooling": "median"}, ValueError, "median"),
    ],
)
def test_settings_that_do_not_fit_are_named(photo, painting, arguments, error, words):
    run = {"content": photo, "style": painting, "steps": 1, **QUIET, **arguments}
    with pytest.raises(error, match=words):
        transfer(**merged(run))


# What a transfer may be told beside its two pictures.

CONTROLLED = {"steps": 3, "weights": "bundled", "progress": False, "precision": "float32"}


def test_blend_weights_of_one_and_nothing_are_one_painting(cat):
    one = transfer(cat, "great_wave", **merged(CONTROLLED))
    both = transfer(cat, ["great_wave", "summertime"], **merged({"blend": [2, 0]}, CONTROLLED))
    assert (one.image == both.image).all()


def test_a_blend_lies_between_its_paintings(cat):
    result = transfer(cat, ["great_wave", "summertime"], **merged({"blend": [3, 1]}, CONTROLLED))
    record = result.history[-1]
    assert record["total"] == pytest.approx(
        record["content"] + 50 * (0.75 * record["style 1"] + 0.25 * record["style 2"]), rel=1e-4
    )


def test_a_large_run_computes_winograd_convolutions_and_a_small_one_direct_ones(cat, monkeypatch):
    extractors, images = [], []

    def noting(extractor, tiling):
        extractors.append(extractor)
        return Evaluator(extractor, tiling)

    monkeypatch.setattr(run_module, "Evaluator", noting)
    for pays in (48 * 72 * 3 + 1, 48 * 72 * 3):
        monkeypatch.setattr(run_module, "WINOGRAD_MIN_PIXELS", pays)
        result = reconstruct(
            cat, "conv3_2", **merged({"start": cat / 2, "parametrization": "pixels"}, CONTROLLED)
        )
        images.append(result.image.astype(int))
    assert [extractor.direct for extractor in extractors] == [True, False]
    assert np.abs(images[0] - images[1]).mean() < 1


@pytest.mark.parametrize(
    ("blend", "areas", "expected"),
    [
        (None, None, (0.5, 0.5)),
        ([3, 1], None, (0.75, 0.25)),
        (None, (0.25, 0.5), (0.25, 0.5)),
        (None, (0.25, 0.75), (0.25, 0.75)),
        ([3, 1], (0.25, 0.5), (0.45, 0.3)),
        (None, (1.0, 1.0), (0.5, 0.5)),
        ([1, 3], (1.0, 0.5), (0.4, 0.6)),
    ],
)
def test_a_region_has_the_weight_of_its_area(blend, areas, expected):
    regions = areas and [np.full((4, 6), area, np.float32) for area in areas]
    assert recipes._fractions(blend or [None] * 2, regions or [None] * 2) == pytest.approx(expected)


def test_masks_of_ones_are_no_masks(cat):
    plain = transfer(cat, "great_wave", **merged(CONTROLLED))
    masked = transfer(cat, "great_wave", **merged({"masks": [np.ones(cat.shape[:2])]}, CONTROLLED))
    assert np.abs(plain.image.astype(int) - masked.image).max() <= 1


def test_each_region_is_painted_in_its_own_manner_and_a_black_one_is_left():
    photo = load_image("cat", 64)
    left = np.zeros(photo.shape[:2], bool)
    left[:, : photo.shape[1] // 2] = True
    result = transfer(photo, "great_wave", **merged({"masks": [left]}, {**CONTROLLED, "steps": 10}))
    change = np.abs(result.image - photo).mean(axis=2)
    assert change[:, :24].mean() > 3 * change[:, -16:].mean()
    masks = [left, ~left]
    both = transfer(photo, ["great_wave", "composition_viii"], **merged({"masks": masks}, CONTROLLED))
    assert {"style 1", "style 2"} <= set(both.history[-1])


def test_a_painting_of_which_all_is_looked_at_is_the_painting(cat):
    plain = transfer(cat, "great_wave", **merged(CONTROLLED))
    for mask in (None, np.ones(load_image("great_wave", 48).shape[:2])):
        part = transfer(cat, "great_wave", **merged({"style_masks": [mask]}, CONTROLLED))
        assert np.abs(plain.image.astype(int) - part.image).max() <= 1


def test_what_a_painting_shows_elsewhere_is_not_looked_at():
    # The left half of the painting is red, the right half blue; each half of a gray picture gets one of them.
    painting = np.zeros((48, 72, 3), np.float32)
    painting[:, :36, 0] = painting[:, 36:, 2] = 220
    left = np.zeros((48, 72), bool)
    left[:, :36] = True
    redder_on_the_left = []
    for parts in ([left, ~left], [~left, left]):
        result = transfer(
            np.full((48, 72, 3), 110.0),
            [painting] * 2,
            **merged(
                {"masks": [left, ~left], "style_masks": parts},
                {**CONTROLLED, "steps": 15, "style_weight": 500.0},
            ),
        )
        red = result.image[..., 0].astype(float) - result.image[..., 2]
        redder_on_the_left.append(red[:, :24].mean() - red[:, -24:].mean())
    assert redder_on_the_left[0] > 50
    assert redder_on_the_left[1] < -50


def test_the_painting_scale_is_that_of_the_painting(cat):
    painting = load_image("great_wave", 96)
    half = transfer(cat, painting, **merged({"style_scale": 0.75}, CONTROLLED))
    by_hand = transfer(cat, load_image(painting, 36), **merged(CONTROLLED))
    assert (half.image == by_hand.image).all()
    assert half.settings["inputs"]["style"]["height"] == 36


def test_a_run_starts_from_an_earlier_result(cat):
    first = transfer(cat, "great_wave", **merged(CONTROLLED))
    second = transfer(cat, "great_wave", **merged({"start": first}, CONTROLLED))
    assert second.history[-1]["total"] < first.history[-1]["total"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"blend": [1, 2]}, "Weights of a blend are a list of 1, one for each style image"),
        ({"blend": [0]}, "No style image counts"),
        ({"blend": [-1]}, "0 or more"),
        ({"masks": []}, "Masks are a list of 1"),
        ({"masks": [np.zeros((48, 72))]}, "No style image counts"),
        ({"masks": [np.ones((48, 48))]}, "48 × 48 pixels and the picture 72 × 48"),
        ({"masks": [np.full((48, 72), np.nan)]}, "finite"),
        ({"style_masks": []}, "Masks of style images are a list of 1"),
        ({"style_masks": [np.zeros((48, 71))]}, "covers nothing"),
        ({"style_masks": [np.ones((48, 20))]}, "proportions have to agree"),
        ({"style_scale": 0}, "above 0"),
        ({"colors": "sepia"}, "not 'sepia'"),
        ({"statistic": "median"}, "not 'median'"),
        ({"terms": {"smooth": 1.0}}, "not 'smooth'"),
        ({"tolerance": 2}, "below 1"),
        ({"content_layer": "conv4_9"}, "block4_conv4"),
        ({"layer_weights": {"conv1_1": 1}}, "The weights name the layers"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_a_sentence(arguments, said, cat):
    with pytest.raises(ValueError, match=said):
        transfer(cat, "great_wave", **merged(CONTROLLED, arguments))


def test_a_mask_may_be_a_picture_of_another_size(tmp_path, cat):
    mask = np.zeros((96, 144), np.uint8)
    mask[:, :72] = 255
    save_image(mask, tmp_path / "mask.png")
    whole = load_mask(tmp_path / "mask.png", *cat.shape[:2])
    assert whole.shape == cat.shape[:2]
    assert whole.mean() == pytest.approx(0.5, abs=0.01)
    assert (load_mask(mask, 48, 72) == whole).all()
    assert (load_mask(mask > 0, 48, 72) == whole).all()


def test_a_run_ends_early_where_the_loss_does_not_fall(cat):
    arguments = {**CONTROLLED, "steps": 60}
    result = transfer(cat, "great_wave", **merged({"tolerance": 0.3}, arguments))
    totals = [record["total"] for record in result.history]
    assert 10 < len(totals) < 60
    assert totals[-1] > 0.7 * totals[-11]
    assert len(totals) == 11 or totals[-2] <= 0.7 * totals[-12]


def test_the_printed_weights_of_a_program_are_arguments(cat):
    result = transfer(cat, "great_wave", **merged(CONTROLLED, as_printed("johnson", 5, 100)))
    assert result.settings["arguments"]["network"]["pooling"] == "max"
    assert np.isfinite(result.history[-1]["total"])


@pytest.mark.parametrize(
    ("recipe", "defaults", "network", "run"),
    [
        (
            lambda **options: transfer("cat", "great_wave", **options),
            {"content_weight": 1.0, "style_weight": 50.0, "start": "content", "steps": 80},
            {"normalized": True, "precision": "auto"},
            {"parametrization": "pixels", "scales": None},
        ),
        (
            lambda **options: reconstruct("cat", **options),
            {"start": "noise", "steps": 100, "layer": "block4_conv2"},
            {"normalized": False, "precision": "float32"},
            {"parametrization": "cosine", "scales": 1},
        ),
        (
            lambda **options: synthesize_texture("great_wave", **options),
            {"start": "noise", "steps": 120},
            {"normalized": True, "precision": "auto"},
            {"parametrization": "pixels", "scales": None},
        ),
    ],
)
def test_a_recipe_does_by_default_what_its_text_says(recipe, defaults, network, run, monkeypatch):
    asked = []
    monkeypatch.setattr(recipes, "solve", lambda *given: asked.append(given) or (None, [], {}))
    recipe()
    ((problem, of_network, of_run, callback),) = asked
    assert {name: problem.arguments[name] for name in defaults} == defaults
    assert {"weights": "auto", "pooling": "avg", **network} == vars(of_network)
    assert {name: vars(of_run)[name] for name in run} == run
    assert (of_run.optimizer, of_run.tolerance, of_run.deterministic, callback) == (
        "lbfgs",
        None,
        False,
        None,
    )


@pytest.mark.parametrize(("height", "width"), [(8, 20), (20, 8), (8, 8)])
def test_a_picture_that_covers_another_is_cut_around_its_middle(height, width):
    rows, columns = (np.linspace(0, 200, length, dtype=np.float32) for length in (20, 20))
    image = np.stack([*np.broadcast_arrays(rows[:, None], columns[None]), np.zeros((20, 20))], -1)
    covered = recipes._cover(image, height, width)
    assert covered.shape == (height, width, 3)
    # Resized to the longer side, then cut: the middle stays the middle, and no side is left out.
    assert covered.mean(axis=(0, 1))[:2] == pytest.approx([100, 100], abs=6)


def test_settings_tell_what_json_cannot_hold_by_its_kind(tmp_path):
    term = Term("own", 1.0, ("block1_conv1",), lambda maps, targets: 0.0)
    for value, expected in (
        (term, {"given_as": "Term"}),
        (abs, {"given_as": "builtin_function_or_method"}),
        (np.zeros(2), {"given_as": "ndarray"}),
        ({"own": term, 3: (np.float32(0.5), np.int64(2))}, {"own": {"given_as": "Term"}, "3": [0.5, 2]}),
        (bundled_image("temple"), "temple"),
        (tmp_path / "mine.png", str(tmp_path / "mine.png")),
    ):
        assert json_ready(value) == expected


def test_a_run_is_kept_and_goes_on_only_where_that_is_asked_for(photo, painting, tmp_path):
    run = {"content": photo, "style": painting, "steps": 4, "scales": 1, "precision": "float32", **QUIET}
    kept = tmp_path / "run.checkpoint"

    def steps_of(**more):
        seen = []

        def note(record, image):
            seen.append(record["step"])
            if more.get("stop") == record["step"]:
                raise StopIteration

        transfer(**merged(run, {"checkpoint": kept, "resume": more["resume"], "callback": note}))
        return seen

    assert steps_of(resume=True, stop=2) == [1, 2]
    assert steps_of(resume=True) == [3, 4]
    assert steps_of(resume=False, stop=2) == [1, 2]
    assert steps_of(resume=False) == [1, 2, 3, 4]


PROGRAM = """
import sys
from helpers import transfer
run = {"deterministic": sys.argv[1] == "bits", "progress": False}
result = transfer("temple", "great_wave", size=64, steps=12, run=run)
arguments = result.settings["arguments"]
print(arguments["network"]["precision"], repr(result.history[-1]["total"]), result.image.tobytes().hex())
"""


def two_processes(kind):
    command = [sys.executable, "-c", PROGRAM, kind]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    return [process.communicate()[0].split() for process in both]


@pytest.mark.slow
def test_a_deterministic_run_is_the_same_bit_for_bit():
    first, second = two_processes("bits")
    assert first == second


@pytest.mark.slow
def test_other_runs_agree_to_a_percent_of_the_loss():
    first, second = two_processes("percent")
    assert float(first[1]) == pytest.approx(float(second[1]), rel=0.01)
    pictures = [np.frombuffer(bytes.fromhex(each[2]), np.uint8).astype(float) for each in (first, second)]
    assert np.abs(pictures[0] - pictures[1]).mean() < 4


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_only_the_ratios_of_the_weights_matter(optimizer, photo, painting):
    run = {"optimizer": optimizer, "progress": False}

    def painted(scale, layer_scale=1.0):
        weights = {"content_weight": scale, "style_weight": 50 * scale / layer_scale}
        losses = {"layer_weights": {layer: 0.2 * layer_scale for layer in STYLE_LAYERS}}
        terms = {"total variation": 0.01 * scale}
        arguments = {
            **weights,
            "losses": losses,
            "terms": terms,
            "run": run,
            "network": {"precision": "float32"},
        }
        return transfer(photo, painting, steps=4, **arguments)

    usual = painted(1.0)
    for scales in (
        (2.0**-140,),
        (1e-290,),
        (3e-9,),
        (1e12,),
        (2.0**140,),
        (1e290,),
        (1.0, 1e-25),
        (1.0, 1e25),
    ):
        found = painted(*scales)
        assert np.abs(found.image.astype(int) - usual.image).max() <= 4, scales
        assert found.history[-1]["total"] / scales[0] == pytest.approx(usual.history[-1]["total"], rel=1e-3)


@pytest.mark.parametrize("weights", [(1.0, 1e31), (1e-200, 1.0), (1e-310, 1e-310)])
def test_weights_that_float32_cannot_add_are_refused(weights, photo, painting):
    with pytest.raises(ArgumentError, match="cannot be added in float32"):
        transfer(photo, painting, content_weight=weights[0], style_weight=weights[1], steps=1)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(
    ("size", "words"), [(1e25, "too large for float32"), (1e-25, "too small for float32")]
)
def test_a_loss_whose_gradient_float32_does_not_hold_is_told(optimizer, size, words, photo, painting):
    own = Term("own", 1.0, (PIXELS,), lambda features, _: size * keras.ops.sum(features[PIXELS]))
    with pytest.raises(RunError, match=words):
        minimize(objective([own]), preprocess(photo), steps=2, optimizer=optimizer)


def test_a_run_that_changes_nothing_says_so(photo, painting, caplog):
    result = transfer(photo, painting, style_weight=0.0, steps=3)
    assert "No step lowers the loss" in caplog.text
    np.testing.assert_array_equal(result.image, np.rint(photo).astype(np.uint8))
