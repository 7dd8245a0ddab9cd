"""The optimizers against closed forms and against SciPy's and Keras' own."""

import itertools

import keras
import numpy as np
import pytest
import scipy.optimize
from keras.ops import convert_to_numpy as numbers

from helpers import STYLE_LAYERS, RunError, load_image, objective, preprocess
from helpers.engine.lbfgs import LONGEST_HISTORY, History, history_length, lbfgs
from helpers.engine.optimizers import adam, moments
from helpers.engine.parametrization import cosine_space, pixel_space
from helpers.engine.tiling import Evaluator
from helpers.images import IMAGENET_MEAN
from helpers.terms import style_term
from helpers.vgg import FeatureExtractor

NETWORK = FeatureExtractor("bundled", "avg", True, "float32", direct=True)


def bowl(center, curvature):
    """½ Σ curvature · (x − center)², and its gradient."""

    def evaluate(pixels):
        difference = numbers(pixels).astype(np.float64) - center
        return {"total": float((curvature * difference**2).sum() / 2)}, (curvature * difference).astype("f")

    return evaluate


@pytest.fixture
def narrow(generator):
    center = preprocess(generator.uniform(60, 200, (6, 5, 3)))
    return bowl(center, np.geomspace(1, 300, center.size).reshape(center.shape)), center


def scipys(evaluate, start, evaluations):
    """The losses that SciPy's L-BFGS-B sees, evaluation by evaluation."""
    losses = []

    def value_and_gradient(flat):
        found, gradient = evaluate(flat.reshape(start.shape).astype(np.float32))
        losses.append(found["total"])
        return found["total"], numbers(gradient).astype(np.float64).ravel()

    bounds = np.broadcast_to(np.stack([-IMAGENET_MEAN, 255 - IMAGENET_MEAN], axis=-1), (*start.shape, 2))
    scipy.optimize.minimize(
        value_and_gradient,
        start.ravel().astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds.reshape(-1, 2),
        options={
            "maxcor": LONGEST_HISTORY,
            "maxfun": evaluations,
            "maxiter": evaluations,
            "ftol": 0,
            "gtol": 0,
        },
    )
    return losses


def counted(evaluate, losses):
    def count(pixels):
        found, gradient = evaluate(pixels)
        losses.append(found["total"])
        return found, gradient

    return count


def test_lbfgs_finds_the_lowest_point_of_a_narrow_valley(narrow):
    evaluate, center = narrow
    start = preprocess(np.full((6, 5, 3), 128.0))
    *_, (pixels, losses) = itertools.islice(lbfgs(evaluate, start), 80)
    assert np.abs(numbers(pixels) - center).max() < 0.1
    assert losses["total"] < 1e-6 * evaluate(start)[0]["total"]


@pytest.mark.parametrize(
    ("size", "layers"), [(32, STYLE_LAYERS[:3]), pytest.param(64, STYLE_LAYERS, marks=pytest.mark.slow)]
)
def test_lbfgs_needs_no_more_evaluations_than_scipys(size, layers):
    pixels = preprocess(load_image("great_wave", size=size))
    evaluate = objective([style_term(Evaluator(NETWORK).style_sums(pixels, layers), 50.0)], *NETWORK)
    shares = []
    # The loss has many valleys, and which of them a run falls into is luck: several starts.
    for photo in ("temple", "cat", "coffee"):
        start, own = preprocess(load_image(photo, size=size)), []
        for _ in itertools.islice(lbfgs(counted(evaluate, own), start), 60):
            pass
        shares.append(min(own) / min(scipys(evaluate, start, len(own))))
    assert np.exp(np.mean(np.log(shares))) < 1.1


def test_what_was_learned_at_one_size_serves_at_another(generator):
    center = preprocess(generator.uniform(60, 200, (6, 8, 3)))
    stiffness = np.repeat(np.geomspace(1, 300, 8), 3).reshape(1, 1, 8, 3)
    small = valley(center, stiffness)
    history = History(center.shape)
    for _ in itertools.islice(lbfgs(small, np.zeros_like(center), history=history), 15):
        pass
    larger = history.enlarged(12, 16)
    assert len(larger) == len(history)
    assert {tuple(step.shape) for step in (*larger.displacements, *larger.changes)} == {(12 * 16 * 3,)}
    wide = np.kron(center, np.ones((1, 2, 2, 1)))
    evaluate = valley(wide, np.kron(stiffness, np.ones((1, 1, 2, 1))))
    ends = []
    for known in (None, larger):
        *_, (_, losses) = itertools.islice(lbfgs(evaluate, np.zeros_like(wide), history=known), 8)
        ends.append(losses["total"])
    assert ends[1] < ends[0]


def test_a_large_picture_is_remembered_for_fewer_steps():
    assert history_length(256, 256) == LONGEST_HISTORY
    assert 10 < history_length(512, 512) < LONGEST_HISTORY
    assert history_length(2048, 2048) == 10


def valley(center, stiffness):
    def evaluate(pixels):
        apart = numbers(pixels) - center
        count = apart.shape[1] * apart.shape[2]
        gradient = stiffness * apart / count
        return {"total": float((gradient * apart).sum() / 2)}, gradient.astype(np.float32)

    return evaluate


def test_pixels_at_the_end_of_their_range_stand_still_and_the_others_move_on(generator):
    start = preprocess(generator.uniform(0, 255, (6, 5, 3)))
    center = start.copy()
    center[0, :3] = 400
    center[0, 3:] = 10
    *_, (pixels, _) = itertools.islice(lbfgs(bowl(center, 1.0), start), 30)
    found = numbers(pixels)[0]
    np.testing.assert_allclose(found[:3], np.broadcast_to(255 - IMAGENET_MEAN, (3, 5, 3)), atol=1e-3)
    np.testing.assert_allclose(found[3:], 10, atol=0.1)


@pytest.mark.parametrize("optimizer", [adam, lbfgs])
@pytest.mark.parametrize(
    ("losses", "slope", "words"),
    [
        ({"total": np.nan, "content": 1.0, "style": np.nan}, 1.0, "style is nan"),
        ({"total": np.inf, "content": 1.0, "style": 2.0}, 1.0, "total is inf"),
        ({"total": 3.0, "content": 1.0, "style": 2.0}, np.nan, "gradient"),
    ],
)
def test_a_start_whose_loss_is_not_finite_is_named(optimizer, losses, slope, words):
    start = preprocess(np.full((4, 4, 3), 128.0))
    with pytest.raises(RunError, match=words):
        next(optimizer(lambda pixels: (losses, np.full((1, 4, 4, 3), slope, "f")), start))


@pytest.mark.parametrize("optimizer", [adam, lbfgs])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_pixels_whose_loss_is_not_finite_are_never_handed_out(optimizer, what, narrow):
    start = preprocess(np.full((6, 5, 3), 128.0))
    whole, calls = narrow[0], itertools.count()

    def evaluate(pixels):
        losses, gradient = whole(pixels)
        if next(calls) >= 4:
            losses = {"total": np.nan} if what == "loss" else losses
            gradient = gradient * np.nan
        return losses, gradient

    handed = []

    def run():
        for step in itertools.islice(optimizer(evaluate, start), 50):
            handed.append(step)

    with pytest.raises(RunError):
        run()
    assert handed
    assert all(
        np.isfinite(numbers(pixels)).all() and np.isfinite(losses["total"]) for pixels, losses in handed
    )


def test_lbfgs_takes_a_shorter_step_where_one_evaluation_fails(generator):
    start = preprocess(generator.uniform(60, 200, (6, 5, 3)))
    whole, calls = bowl(start + 30, 1.0), itertools.count()

    def evaluate(pixels):
        losses, gradient = whole(pixels)
        return ({"total": np.inf}, gradient + np.inf) if next(calls) == 2 else (losses, gradient)

    *_, (pixels, _) = itertools.islice(lbfgs(evaluate, start), 20)
    np.testing.assert_allclose(numbers(pixels), start + 30, atol=0.1)


@pytest.mark.parametrize("parametrization", ["pixels", "cosine"])
def test_a_history_kept_as_arrays_goes_on_as_the_history_itself_does(narrow, parametrization):
    evaluate, _ = narrow
    start = preprocess(np.full((6, 5, 3), 128.0))
    history = History(start.shape)
    unbroken = lbfgs(evaluate, start, parametrization, history)
    for _ in range(9):
        pixels, _ = next(unbroken)
    again = History(start.shape, **history.arrays())
    resumed = lbfgs(evaluate, numbers(pixels), parametrization, again)
    for _ in range(5):
        assert next(resumed)[1]["total"] == pytest.approx(next(unbroken)[1]["total"], rel=1e-2)


def test_adam_goes_on_from_its_moments(narrow):
    evaluate, _ = narrow
    start = preprocess(np.full((6, 5, 3), 128.0))
    rule = keras.optimizers.Adam(5.0)
    unbroken = adam(evaluate, start, rule)
    for _ in range(9):
        pixels, _ = next(unbroken)
    resumed = adam(evaluate, numbers(pixels), None, moments(rule))
    for _ in range(5):
        assert next(resumed)[1]["total"] == pytest.approx(next(unbroken)[1]["total"], rel=1e-4)


def test_adams_first_step_is_its_learning_rate_in_every_color(generator):
    start = preprocess(np.full((4, 6, 3), 128.0))
    gradient = generator.standard_normal(start.shape).astype(np.float32)
    pixels, _ = next(adam(lambda pixels: ({"total": 0.0}, gradient), start, keras.optimizers.Adam(3.0)))
    np.testing.assert_allclose(numbers(pixels), start - 3.0 * np.sign(gradient), atol=0.05)


def test_a_step_leaves_the_start_and_the_pixels_handed_out_before_alone(narrow):
    evaluate, _ = narrow
    start = keras.ops.convert_to_tensor(preprocess(np.full((6, 5, 3), 128.0)))
    began = numbers(start).copy()
    for optimizer in (adam, lbfgs):
        taken = optimizer(evaluate, start)
        first = next(taken)[0]
        kept = numbers(first).copy()
        next(taken)
        assert (numbers(first) == kept).all()
        assert (numbers(start) == began).all()


SHAPE = (1, 2, 2, 3)


def pair(generator, curvature=1.0):
    """A move and a change of the gradient whose inner product is ``curvature``."""
    move, change = generator.standard_normal((2, 12))
    change += move * (curvature - move @ change) / (move @ move)
    return np.stack([move, change]).astype(np.float32)


def direction_of(history, gradient):
    point = keras.ops.zeros(SHAPE)
    space = pixel_space(SHAPE)
    found = history.direction(point, keras.ops.convert_to_tensor(gradient.reshape(SHAPE)), space)
    return numbers(found).ravel()


def by_the_textbook(pairs, gradient):
    """-H g with H built up matrix by matrix: Nocedal and Wright (2006), equations (7.16) and (7.20)."""
    (move, change) = pairs[-1].astype(np.float64)
    inverse = move @ change / (change @ change) * np.eye(len(move))
    for move, change in np.asarray(pairs, np.float64):
        rho = 1 / (change @ move)
        turned = np.eye(len(move)) - rho * np.outer(change, move)
        inverse = turned.T @ inverse @ turned + rho * np.outer(move, move)
    return -inverse @ gradient


def keep(history, pair):
    move, change = pair
    history.keep(*map(keras.ops.convert_to_tensor, pair), float(move @ change), float(change @ change))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_the_two_loops_multiply_by_the_inverse_of_the_textbook(generator, count):
    history, pairs = History(SHAPE, length=4), [pair(generator) for _ in range(count)]
    gradient = generator.standard_normal(12).astype(np.float32)
    for step in pairs:
        keep(history, step)
        found = direction_of(history, gradient)
    # The oldest have made room for the newest.
    np.testing.assert_allclose(found, by_the_textbook(pairs[-4:], gradient), rtol=1e-4, atol=1e-5)
    assert len(history) == min(count, 4)
    kept = [list(map(numbers, pair)) for pair in zip(history.displacements, history.changes, strict=True)]
    np.testing.assert_allclose(kept[-len(history) :], pairs[-4:], rtol=1e-6)


def test_the_first_move_is_one_gray_level_in_every_coordinate(generator):
    gradient = generator.standard_normal(12).astype(np.float32)
    found = direction_of(History(SHAPE), gradient)
    assert np.linalg.norm(found) == pytest.approx(np.sqrt(12), rel=1e-5)
    np.testing.assert_allclose(found / np.linalg.norm(found), -gradient / np.linalg.norm(gradient), rtol=1e-4)


@pytest.mark.parametrize("curvature", [-1.0, -1e-3, 0.0, 1e-12])
def test_a_step_without_curvature_is_not_kept(generator, curvature):
    history, good = History(SHAPE), pair(generator)
    gradient = generator.standard_normal(12).astype(np.float32)
    keep(history, good)
    before = direction_of(history, gradient)
    flat = np.zeros((2, 12), np.float32)
    flat[0, 0], flat[1, 0], flat[1, 1] = 1, curvature, 1
    keep(history, flat)
    np.testing.assert_allclose(direction_of(history, gradient), before, rtol=1e-5)
    assert len(history) == 1


def test_a_gradient_of_zero_has_no_direction():
    assert (
        History(SHAPE).direction(keras.ops.zeros(SHAPE), keras.ops.zeros(SHAPE), pixel_space(SHAPE)) is None
    )


@pytest.mark.parametrize(
    ("change", "shorter"),
    # The change of the loss in the first, full step, as a multiple of the slope's size, and how much
    # shorter the next trial is: where the parabola through both is lowest, between a tenth and a half.
    [(-0.5e-4, 0.5), (0.0, 0.5), (0.5, 1 / 3), (1.0, 0.25), (3.0, 0.125), (20.0, 0.1), (np.inf, 0.1)],
)
def test_a_step_that_does_not_lower_the_loss_enough_is_shortened(change, shorter):
    gradient = np.full(SHAPE, 2.0, np.float32)
    slope = 2.0 * 12
    start, tried = np.zeros(SHAPE, np.float32), []

    def evaluate(pixels):
        moved = -float(numbers(pixels).mean())
        if moved:
            tried.append(moved)
        totals = {0: 1000.0, 1: 1000.0 + change * slope}
        return {"total": totals.get(len(tried), 1000.0 - 0.5 * slope * moved)}, gradient * (1 - 0.1 * moved)

    next(lbfgs(evaluate, start))
    assert tried == pytest.approx([1.0, shorter], rel=1e-3)


def test_a_step_that_lowers_the_loss_enough_is_taken_whole():
    tried = []

    def evaluate(pixels):
        tried.append(-float(numbers(pixels).mean()))
        return {"total": 1000.0 - 24 * 2e-4 * tried[-1]}, np.full(SHAPE, 2.0, np.float32)

    next(lbfgs(evaluate, np.zeros(SHAPE, np.float32)))
    assert tried == pytest.approx([0.0, 1.0], rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 6, 5, 3), (1, 3, 8, 3)])
def test_cosine_coefficients_lead_to_the_pixels_and_the_gradient_back(generator, shape):
    space = cosine_space(shape)
    pixels = preprocess(generator.uniform(20, 235, shape[1:]))
    point = numbers(space.from_pixels(pixels))
    np.testing.assert_allclose(numbers(space.to_pixels(point)), pixels, atol=1e-2)
    slope = generator.standard_normal(shape).astype(np.float32)
    gradient = numbers(space.vector_jacobian_product(pixels, slope))
    for _ in range(3):
        move = generator.standard_normal(shape).astype(np.float32)
        up, down = (numbers(space.to_pixels(point + sign * 0.05 * move)) for sign in (1, -1))
        along = (slope * (up - down)).sum() / 0.1
        assert (gradient * move).sum() == pytest.approx(along, rel=1e-2, abs=0.05)
    # Black and white lie within two gray levels of the ends, where the sigmoid still moves.
    for end in (0, 255):
        there = preprocess(np.full(shape[1:], float(end)))
        near = numbers(space.to_pixels(space.from_pixels(there)))
        assert np.abs(near - there).max() == pytest.approx(2, abs=0.1)


def test_a_move_of_1_in_every_cosine_coefficient_is_a_gray_level_in_the_mean(generator):
    shape = (1, 6, 5, 3)
    space = cosine_space(shape)
    middle = numbers(space.from_pixels(preprocess(np.full(shape[1:], 127.5))))
    of_each = []
    for coordinate in range(middle.size):
        move = np.zeros(middle.size, np.float32)
        move[coordinate] = 0.1
        up, down = (numbers(space.to_pixels(middle + sign * move.reshape(shape))) for sign in (1, -1))
        of_each.append(np.square((up - down) / 0.2).sum())
    assert np.mean(of_each) == pytest.approx(1, rel=1e-3)
    assert of_each[0] > 3 * of_each[-1]
