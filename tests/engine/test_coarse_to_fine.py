import itertools
import time

import numpy as np
import pytest

from helpers import RunError, coarse_to_fine, minimize, objective, preprocess, white_noise
from helpers.engine import coarse_to_fine as synthesis
from helpers.engine.coarse_to_fine import COARSEST_SIDE, default_scales, pyramid, steps_per_size
from helpers.engine.parametrization import cosine_space, pixel_space
from helpers.images import IMAGENET_MEAN
from helpers.terms import Term, content_term

WAYS = [("lbfgs", "pixels"), ("lbfgs", "cosine"), ("adam", "pixels")]


def towards(target):
    """A convex objective without a network: half the squared distance from a target."""

    def evaluate(pixels):
        difference = np.array(pixels, np.float64) - target
        return {"total": float((difference**2).sum() / 2)}, difference.astype(np.float32)

    return evaluate


@pytest.fixture
def start():
    return preprocess(white_noise(10, 14, seed=3))


@pytest.fixture
def target():
    return preprocess(np.random.default_rng(5).uniform(20, 235, (10, 14, 3)))


@pytest.mark.parametrize(("optimizer", "parametrization"), WAYS)
def test_every_optimizer_finds_the_minimum_of_a_convex_objective(start, target, optimizer, parametrization):
    pixels, history = minimize(
        towards(target), start, steps=80, optimizer=optimizer, parametrization=parametrization
    )
    assert np.abs(pixels - target).max() < 3
    assert history[-1]["total"] < 0.01 * towards(target)(start)[0]["total"]


@pytest.mark.parametrize(("optimizer", "parametrization"), WAYS)
def test_pixels_stay_within_the_range_of_colors(start, optimizer, parametrization):
    out_of_reach = np.where(np.arange(14)[:, np.newaxis] % 2, 500, -500) * np.ones((1, 10, 14, 3))
    pixels, _ = minimize(
        towards(out_of_reach), start, steps=100, optimizer=optimizer, parametrization=parametrization
    )
    colors = pixels[0] + IMAGENET_MEAN
    assert colors.min() >= -1e-3
    assert colors.max() <= 255 + 1e-3
    assert np.abs(colors - np.where(out_of_reach[0] > 0, 255, 0)).mean() < 10


@pytest.mark.parametrize(("optimizer", "parametrization"), WAYS)
def test_the_last_record_is_the_loss_of_the_returned_pixels(start, target, optimizer, parametrization):
    evaluate = towards(target)
    pixels, history = minimize(evaluate, start, steps=7, optimizer=optimizer, parametrization=parametrization)
    assert history[-1]["total"] == pytest.approx(evaluate(pixels)[0]["total"], rel=1e-5)


def test_lbfgs_never_lets_the_loss_rise(start, target):
    _, history = minimize(towards(target), start, steps=30)
    totals = [record["total"] for record in history]
    assert totals == sorted(totals, reverse=True)


def test_records_count_steps_and_evaluations(start, target):
    calls = []

    def evaluate(pixels):
        calls.append(1)
        return towards(target)(pixels)

    _, history = minimize(evaluate, start, steps=5, optimizer="adam")
    assert [record["step"] for record in history] == [1, 2, 3, 4, 5]
    assert history[-1]["evaluations"] == len(calls) == 6
    assert [record["seconds"] for record in history] == sorted(record["seconds"] for record in history)


def test_the_callback_sees_every_step_and_the_current_image(start, target):
    seen = []
    pixels, history = minimize(
        towards(target), start, steps=6, callback=lambda record, image: seen.append((record, image()))
    )
    assert [record for record, _ in seen] == history
    assert seen[-1][1].shape == (10, 14, 3)
    assert seen[-1][1].dtype == np.uint8
    assert np.abs(seen[-1][1][..., ::-1] - (pixels[0] + IMAGENET_MEAN)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("signal", [StopIteration, KeyboardInterrupt])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_stop_keeps_what_was_reached(start, target, signal, optimizer):
    def stop_at_three(record, image):
        if record["step"] == 3:
            raise signal

    pixels, history = minimize(towards(target), start, steps=50, optimizer=optimizer, callback=stop_at_three)
    assert len(history) == 3
    assert history[-1]["total"] == pytest.approx(towards(target)(pixels)[0]["total"], rel=1e-5)


def test_another_exception_of_a_callback_is_not_swallowed(start, target):
    def fail(record, image):
        raise RuntimeError("the callback's own")

    with pytest.raises(RuntimeError, match="the callback's own"):
        minimize(towards(target), start, steps=3, callback=fail)


def test_a_run_that_starts_at_the_minimum_ends_there(target):
    pixels, history = minimize(towards(target), target, steps=5)
    np.testing.assert_allclose(pixels, target, atol=1e-3)
    assert len(history) == 1
    assert history[0]["step"] == 0
    assert history[0]["total"] < 1e-6


@pytest.mark.parametrize("make", [pixel_space, cosine_space])
def test_coordinates_lead_to_the_pixels_and_back(start, make):
    space = make(start.shape)
    np.testing.assert_allclose(space.to_pixels(space.from_pixels(start)), start, atol=1e-2)


@pytest.mark.parametrize("make", [pixel_space, cosine_space])
def test_a_gradient_is_pulled_back_as_finite_differences_say(start, target, make):
    space, evaluate = make(start.shape), towards(target)
    point = space.from_pixels(start)
    pixels = space.to_pixels(point)
    gradient = space.vector_jacobian_product(pixels, evaluate(pixels)[1])
    direction = np.random.default_rng(1).standard_normal(point.shape).astype(np.float32)
    direction *= 1 / np.linalg.norm(direction)
    up, down = (evaluate(space.to_pixels(point + sign * direction))[0]["total"] for sign in (1, -1))
    assert np.sum(np.array(gradient) * direction) == pytest.approx((up - down) / 2, rel=2e-3)


def rounded(target):
    """The objective of ``towards`` as a coarse precision shows it: in steps of a hundredth of its start."""

    def evaluate(pixels):
        losses, gradient = towards(target)(pixels)
        return {"total": float(np.round(losses["total"] / 1e4) * 1e4)}, gradient

    return evaluate


def test_a_finer_objective_goes_on_where_a_coarse_one_shows_no_progress(start, target):
    sizes, steps = [start.shape[1:3]], 40
    coarse, coarse_history = minimize(rounded(target), start, steps=steps)
    assert len(coarse_history) < steps
    fine, history = coarse_to_fine(
        lambda height, width: rounded(target),
        lambda height, width: start,
        sizes,
        steps=steps,
        build_in_float32=lambda height, width: towards(target),
    )
    assert history[: len(coarse_history)] == [
        {**record, "seconds": own["seconds"]} for record, own in zip(coarse_history, history, strict=False)
    ]
    assert len(coarse_history) < len(history) <= steps
    assert towards(target)(fine)[0]["total"] < 0.1 * towards(target)(coarse)[0]["total"]


@pytest.mark.parametrize("tolerance", [None, 1e-9])
def test_a_finer_objective_takes_what_steps_are_left(start, target, monkeypatch, tolerance):
    monkeypatch.setattr(synthesis, "BFLOAT16_STEPS", 12)
    begun = []

    def never_there(name):
        def build(height, width):
            begun.append((name, height))
            return lambda pixels: ({"total": float(np.sum(np.array(pixels) ** 4))}, 4 * np.array(pixels) ** 3)

        return build

    _, history = coarse_to_fine(
        never_there("coarse"),
        lambda height, width: np.float32(0.5) * start[:, :height, :width],
        [(5, 7), (10, 14)],
        steps=60,
        build_in_float32=never_there("fine"),
        tolerance=tolerance,
    )
    assert begun == [("coarse", 5), ("coarse", 10), ("fine", 10)]
    assert [record["size"] for record in history] == [5] * 30 + [10] * 30


def test_what_has_settled_needs_no_finer_objective(start):
    def falling_slowly(pixels):
        # Nearly all of the loss is out of reach.
        values = np.array(pixels, np.float64)
        return {"total": 1e12 + float(np.sum(values**4))}, (4 * values**3).astype(np.float32)

    _, history = coarse_to_fine(
        lambda height, width: falling_slowly,
        lambda height, width: start,
        [start.shape[1:3]],
        steps=60,
        tolerance=0.1,
        build_in_float32=lambda height, width: pytest.fail("It had settled."),
    )
    assert len(history) == synthesis.TOLERANCE_STEPS + 1


def test_sizes_halve_down_to_the_coarsest():
    assert pyramid(256, 384) == [(128, 192), (256, 384)]
    assert pyramid(100, 140) == [(100, 140)]
    assert pyramid(2 * COARSEST_SIDE, 300) == [(COARSEST_SIDE, 150), (2 * COARSEST_SIDE, 300)]
    assert pyramid(64, 64, scales=3) == [(16, 16), (32, 32), (64, 64)]
    assert default_scales(8 * COARSEST_SIDE) == 4
    with pytest.raises(ValueError, match="sizes of a run is a whole number, from 1 to 16"):
        pyramid(64, 64, scales=0)


def test_steps_are_shared_among_the_sizes():
    assert steps_per_size(80, 2) == [40, 40]
    assert steps_per_size(8, 3) == [2, 2, 4]
    assert steps_per_size(1, 3) == [0, 0, 1]
    with pytest.raises(ValueError, match="steps of a run is a whole number, from 1 to "):
        steps_per_size(0, 1)


def test_coarse_to_fine_hands_the_picture_up():
    built = []

    def build(height, width):
        built.append((height, width))
        fine_detail = np.indices((height, width)).sum(axis=0)[..., np.newaxis] % 2
        return towards(preprocess(200 + height * fine_detail * np.ones(3)))

    sizes = [(4, 6), (8, 12)]
    pixels, history = coarse_to_fine(
        build, lambda height, width: preprocess(white_noise(height, width, 0)), sizes, steps=21
    )
    assert built == sizes
    assert pixels.shape == (1, 8, 12, 3)
    assert {record["size"] for record in history} == {4, 8}
    first_fine = next(record for record in history if record["size"] == 8)
    assert (
        first_fine["total"]
        < 0.1 * towards(preprocess(np.full((8, 12, 3), 200.0)))(preprocess(white_noise(8, 12, 0)))[0]["total"]
    )


def test_a_stop_at_a_coarse_size_still_gives_a_picture_of_the_full_size():
    def stop(record, image):
        raise StopIteration

    pixels, history = coarse_to_fine(
        lambda height, width: towards(preprocess(np.full((height, width, 3), 200.0))),
        lambda height, width: preprocess(white_noise(height, width, 0)),
        [(4, 6), (8, 12)],
        steps=20,
        callback=stop,
    )
    assert pixels.shape == (1, 8, 12, 3)
    assert len(history) == 1


def test_an_objective_and_its_gradient_agree_with_finite_differences(photo):
    from helpers import feature_model

    target = feature_model("conv2_1", "bundled")(preprocess(photo))["conv2_1"]
    evaluate = objective([content_term(target, "conv2_1", 1.0, per_entry=True)], "bundled")
    pixels = preprocess(white_noise(*photo.shape[:2], seed=0))
    losses, gradient = evaluate(pixels)
    gradient = np.array(gradient)
    assert losses["total"] == pytest.approx(losses["content"])
    direction = gradient / np.linalg.norm(gradient)
    up, down = (evaluate(pixels + sign * direction)[0]["total"] for sign in (1, -1))
    assert (gradient * direction).sum() == pytest.approx((up - down) / 2, rel=5e-3)


def test_two_terms_of_one_name_are_refused():
    term = Term("content", 1.0, ("block1_conv1",), lambda sums, targets: 0.0)
    with pytest.raises(ValueError, match="content, content"):
        objective([term, term], "bundled")


def test_unknown_optimizers_and_coordinates_are_named(start, target):
    with pytest.raises(ValueError, match="sgd"):
        minimize(towards(target), start, steps=1, optimizer="sgd")
    with pytest.raises(ValueError, match="wavelets"):
        minimize(towards(target), start, steps=1, parametrization="wavelets")
    with pytest.raises(ValueError, match="steps of a run is a whole number, from 1 to "):
        minimize(towards(target), start, steps=0)


def test_white_noise_is_seeded_and_white():
    noise = white_noise(40, 60, seed=1)
    assert (noise == white_noise(40, 60, seed=1)).all()
    assert (noise != white_noise(40, 60, seed=2)).mean() > 0.9
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), IMAGENET_MEAN[::-1], atol=2)
    neighbors = np.corrcoef(noise[:, :-1].ravel(), (noise[:, 1:] - noise.mean(axis=(0, 1))).ravel())[0, 1]
    assert abs(neighbors) < 0.05


@pytest.mark.parametrize(
    ("error", "words"), [(MemoryError, "The memory is full"), (RunError("It broke."), "It broke")]
)
def test_a_run_that_breaks_off_ends_with_what_it_reached_and_says_where(start, target, caplog, error, words):
    whole, calls = towards(target), itertools.count()

    def evaluate(pixels):
        if next(calls) == 6:
            raise error
        return whole(pixels)

    pixels, history = minimize(evaluate, start, steps=50, optimizer="adam")
    assert len(history) == 5
    assert f"{words}. The picture is that of step 5." in caplog.text
    assert history[-1]["total"] == pytest.approx(whole(pixels)[0]["total"], rel=1e-5)


@pytest.mark.parametrize(("parametrization", "handed_up"), [("pixels", 2), ("cosine", 0)])
def test_what_was_learned_is_handed_up_in_pixels_only(target, monkeypatch, parametrization, handed_up):
    sizes, enlarged = [(10, 14), (20, 28), (40, 56)], []
    enlarge = synthesis.History.enlarged

    def noting(history, height, width):
        enlarged.append((height, width))
        return enlarge(history, height, width)

    monkeypatch.setattr(synthesis.History, "enlarged", noting)
    _, history = coarse_to_fine(
        lambda height, width: towards(np.kron(target, np.ones((1, height // 10, width // 14, 1)))),
        lambda height, width: preprocess(white_noise(height, width, seed=3)),
        sizes,
        steps=9,
        parametrization=parametrization,
    )
    assert {record["size"] for record in history} == {10, 20, 40}
    assert enlarged == sizes[1 : 1 + handed_up]


def test_a_finer_objective_goes_on_where_a_rough_one_has_no_slope_at_all(start, target):
    flat = lambda pixels: ({"total": 1e9}, np.zeros_like(start))
    pixels, history = coarse_to_fine(
        lambda *_: flat, lambda *_: start, [(10, 14)], steps=60, build_in_float32=lambda *_: towards(target)
    )
    assert history
    assert np.abs(pixels - target).max() < 3


def test_fewer_steps_than_sizes_are_taken_in_the_last(target):
    sizes = [(5, 7), (10, 14)]
    _, history = coarse_to_fine(
        lambda height, width: towards(target[:, :height, :width]),
        lambda height, width: preprocess(white_noise(height, width, seed=3)),
        sizes,
        steps=1,
    )
    assert [record["size"] for record in history] == [10]


def test_seconds_count_from_the_beginning_of_the_run(start, target):
    began = time.perf_counter()
    _, history = minimize(towards(target), start, steps=3)
    elapsed = time.perf_counter() - began
    seconds = [record["seconds"] for record in history]
    assert 0 <= seconds[0] <= seconds[-1] <= elapsed + 1e-3
