"""The exercises' checks: right answers pass, and each typical mistake gets the sentence that helps."""

import numpy as np
import pytest
import tensorflow as tf

from helpers import check, resize_image
from helpers.lessons.exercises import EXERCISES


@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_passes(name):
    outcome = check(name, EXERCISES[name].answer)
    assert outcome.passed is True
    assert "Right." in repr(outcome)


# Each of their mistakes is a run of an optimizer, and the last one is compared with all before it.
RUNS = ("minimize", "transfer", "train_epoch", "training_step")


def mistakes():
    for name, task in EXERCISES.items():
        for index in range(len(task.mistakes)):
            often = name not in RUNS or index in (0, len(task.mistakes) - 1)
            yield pytest.param(name, index, marks=() if often else pytest.mark.slow)


@pytest.mark.parametrize(("name", "index"), list(mistakes()))
def test_no_mistake_is_taken_for_the_right_answer_or_for_another_mistake(name, index):
    mistake = EXERCISES[name].mistakes[index]
    assert check(name, mistake.answer) == (False, mistake.message)


def test_an_unfilled_exercise_shows_its_hint():
    def unfilled(*arguments):
        raise NotImplementedError("Multiply the two.")

    assert check("total_loss", unfilled) == (None, "Multiply the two. (Then delete the line with raise.)")


def wilson(votes, key, counted=""):
    n = wins = 0
    for sheet in votes:
        for vote, variant in zip(sheet, key, strict=True):
            n += vote in "AB" + counted
            wins += vote == variant
    p, z = wins / n, 1.96
    a, b, c = n + z**2, 2 * n * p + z**2, n * p**2
    half = np.sqrt(b**2 - 4 * a * c)
    return wins, n, p, (b - half) / (2 * a), (b + half) / (2 * a)


def wald(votes, key):
    wins, n, p, *_ = wilson(votes, key)
    half = 1.96 * (p * (1 - p) / n) ** 0.5
    return wins, n, p, p - half, p + half


def convolved(maps, kernel, bias, stride, padding):
    """The solution of lesson 1."""
    height, width, channels = maps.shape
    size, _, _, filters = kernel.shape
    padded = np.zeros((height + 2 * padding, width + 2 * padding, channels))
    padded[padding : padding + height, padding : padding + width] = maps
    result = np.zeros(
        ((height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1, filters)
    )
    for p, q, m in np.ndindex(result.shape):
        patch = padded[stride * p : stride * p + size, stride * q : stride * q + size]
        result[p, q, m] = (patch * kernel[..., m]).sum() + bias[m]
    return result


def photo_of_a_student(array, side, white=255):
    """Preprocessing in one of the many right ways to write it."""
    image = np.atleast_3d(array).astype(float)
    if image.shape[2] == 4:
        image = white + (image[:, :, :3] - white) * image[:, :, 3:] / 255
    image = image * np.ones(3)
    scale = side / min(image.shape[:2])
    image = resize_image(image, round(scale * image.shape[0]), round(scale * image.shape[1]))
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    red, green, blue = np.moveaxis(image[top : top + side, left : left + side], 2, 0)
    return np.stack([blue - 103.939, green - 116.779, red - 123.68], axis=2)[None]


def epoch_of_means(model, loss, optimizer, patches, labels, batch_size, order):
    losses, accuracies = [], []
    for i in range(0, len(order), batch_size):
        k = order[i : i + batch_size]
        with tf.GradientTape() as tape:
            z = model(patches[k])
            losses.append(loss(z, labels[k]))
        gradient = tape.gradient(losses[-1], model.trainable_variables)
        optimizer.apply(gradient, model.trainable_variables)
        accuracies.append((np.argmax(z, -1) == labels[k]).mean())
    return np.mean(losses), np.mean(accuracies)


def epoch_of_pixels(model, loss, optimizer, patches, labels, batch_size, order):
    pixels = tf.constant(patches[order])
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        value = loss(model(pixels), labels[order])
    optimizer.apply([tape.gradient(value, pixels)], model.trainable_variables)
    return value, 0


def epoch_without_a_step(model, loss, optimizer, patches, labels, batch_size, order):
    z = model(patches)
    return loss(z, labels), np.mean(np.argmax(z, axis=-1) == labels)


def epoch_of_one_batch(model, loss, optimizer, patches, labels, batch_size, order):
    z = model(patches[order[:batch_size]])
    return loss(z, labels[order[:batch_size]]), np.mean(np.argmax(z, axis=-1) == labels[order[:batch_size]])


def guided(features, targets, masks, style_masks, step=None, empty=False, square=np.square):
    """The style loss over regions as a student would write it in NumPy, with a slip or without one."""

    def gram(maps, mask):
        block = step or len(mask) // maps.shape[1], step or mask.shape[1] // maps.shape[2]
        blocks = [
            [
                mask[block[0] * i :, block[1] * j :][: block[0], : block[1]].mean()
                for j in range(maps.shape[2])
            ]
            for i in range(maps.shape[1])
        ]
        weights, matrix = np.reshape(blocks, (-1, 1)), maps.reshape(-1, maps.shape[-1])
        return matrix.T @ (weights * matrix) / weights.sum()

    return sum(
        square(gram(maps, mask) - gram(targets[layer], part)).sum() / (4 * maps.shape[-1] ** 2)
        for layer, maps in features.items()
        for mask, part in zip(masks, style_masks, strict=True)
        if empty or mask.any()
    )


def trained(network, optimizer, extractor, penalty, grams, photo, noisy, strength, weight, **wrong):
    """A training step as a student would write it, with a slip or without one."""
    see = lambda pixels: {layer: maps[0] for layer, maps in extractor(pixels).items()}
    target = see(photo)["block3_conv1"]
    with tf.GradientTape() as tape:
        painted = network([noisy, strength])
        maps = see(wrong.get("seen", painted))
        content = tf.reduce_sum((maps["block3_conv1"] - target) ** 2) / tf.reduce_sum(target**2)
        style = 0
        for layer, a in grams.items():
            m = tf.reshape(maps[layer], (-1, len(a)))
            g = tf.matmul(m, m, transpose_a=True) / m.shape[0]
            style += tf.reduce_sum((g - a) ** 2) / tf.reduce_sum(a**2) / len(grams)
        loss = content + weight * style + wrong.get("of_penalty", 1) * penalty(painted)
    variables = wrong.get("variables", network.trainable_variables)
    gradients = tape.gradient(loss, variables)
    norm = tf.linalg.global_norm(gradients)
    factor = wrong.get("clip", lambda n: tf.minimum(1.0, 1 / n))(norm)
    optimizer.apply([factor * gradient for gradient in gradients], network.trainable_variables)
    return loss, content, style


def trained_for_the_extractor(network, optimizer, extractor, *rest):
    extractor.trainable = True
    return trained(network, optimizer, extractor, *rest, variables=extractor.trainable_variables)


def trained_outside_the_tape(network, optimizer, extractor, penalty, grams, photo, noisy, *rest):
    painted = network([noisy, rest[0]])
    with tf.GradientTape() as tape:
        loss = penalty(painted)
    gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, network.trainable_variables), 1.0)
    optimizer.apply(gradients, network.trainable_variables)
    return loss, loss, loss


# What students write, beside the mistakes of the table, and words of the answer they must get.
ANSWERS = [
    ("total_loss", lambda c, s, a, b: b * c + a * s, "exchanged"),
    ("total_loss", lambda c, s, a, b: None, "returns nothing"),
    ("total_loss", lambda c, s: c + s, "TypeError"),
    ("total_loss", lambda c, s, a, b: str(a * c + b * s), "number"),
    ("total_loss", lambda c, s, a, b: a * c + b * s + 1, "the answer is 302, and yours is 303"),
    ("total_loss", lambda c, s, a, b: a * c + b * s**2, "the answer is 302, and yours is 902"),
    ("gradient_step", lambda p, g, r: p + r * g, "minus"),
    ("gradient_step", lambda p, g, r: (p - r * g).sum(), "shape"),
    ("gradient_step", lambda p, g, r: p - 2 * r * g, "The shape is right"),
    ("gradient_step", lambda p, g, r: r * g - p, "-1 times the right one"),
    (
        "gradient_step",
        lambda p, g, r: (p - r * g)[0],
        "shape (1, 2, 2, 3), and yours an array of shape (2, 2, 3)",
    ),
    ("crossfade", lambda a, b, t: 2 * ((1 - t) * a + t * b), "2 times the right one"),
    ("shorter_side", lambda image: min(image.shape[0], image.shape[1]), "first two axes"),
    ("output_size", lambda i, k, s, p: (i + 2 * p - k) // s, "One is missing"),
    ("output_size", lambda i, k, s, p: int(np.ceil((i + 2 * p - k) / s)) + 1, "round down"),
    ("output_size", lambda i, k, s, p: (i + p - k) // s + 1, "counts twice"),
    ("average_pool", lambda maps: maps[::2, ::2], "throw three away"),
    ("average_pool", lambda maps: maps.mean(axis=-1), "The answer is an array of shape (2, 3, 2)"),
    ("receptive_field", lambda layers: 1 + sum(k - 1 for k, s in layers), "jump is missing"),
    ("parameters", lambda k, n, m: k * k * n * m, "biases are missing"),
    ("parameters", lambda k, n, m: m * (k * n + 1), "kernel is a square"),
    ("scaled_size", lambda h, w, s: (s, s), "squeeze the picture"),
    ("scaled_size", lambda h, w, s: (h * s // min(h, w), w * s // min(h, w)), "Use round"),
    ("scaled_size", lambda h, w, s: s, "The answer is an array of shape (2,)"),
    ("preprocess_photo", photo_of_a_student, "Whatever the file holds"),
    ("preprocess_photo", lambda array, s: photo_of_a_student(array, s)[..., ::-1], "order RGB: VGG19"),
    ("preprocess_photo", lambda array, s: photo_of_a_student(array, s)[:, :, ::-1], "The shape is right"),
    ("preprocess_photo", lambda array, s: photo_of_a_student(array, s)[0], "batch axis is missing"),
    ("preprocess_photo", lambda array, s: photo_of_a_student(array, s) / 255, "no division"),
    ("preprocess_photo", lambda array, s: photo_of_a_student(array, s, white=0), "become black"),
    ("preprocess_photo", lambda array, s: array[:s, :s, ::-1] - [103.939, 116.779, 123.68], "ValueError"),
    ("cosine_similarity", lambda a, b: a @ b / np.linalg.norm(a), "length of b as well"),
    ("cosine_similarity", lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b), "gives 1"),
    ("content_loss", lambda f, p: ((f - p) ** 2).sum(), "½ is missing"),
    ("content_loss", lambda f, p: ((f - p) ** 2).mean(), "not their mean"),
    ("content_loss", lambda f, p: abs(f - p).sum() / 2, "absolute values"),
    ("content_loss", lambda f, p: 0.5 * ((f - p) ** 2).sum(axis=-1), "one number for each position"),
    ("content_gradient", lambda f, p: f - p, "Where F = 0"),
    ("content_gradient", lambda f, p: (f - p) * (p > 0), "You ask where P > 0"),
    ("content_gradient", lambda f, p: 2 * (f - p) * (f > 0), "cancels the 2"),
    (
        "content_gradient",
        lambda f, p: ((f - p) * (f > 0)).sum(),
        "The answer is an array of shape (1, 2, 3, 2)",
    ),
    ("psnr", lambda a, b: 10 * np.log(255**2 / ((a - b) ** 2).mean()), "natural logarithm"),
    (
        "psnr",
        lambda a, b: 20 * np.log10(255 / np.sqrt(((a - b) ** 2).mean())),
        "a tenth of the mean squared error",
    ),
    ("psnr", lambda a, b: 10 * np.log10(((a - b) ** 2).mean() / 255**2), "fraction is inverted"),
    ("gram_matrix", lambda f: np.einsum("nhwi,nhwj->ij", f, f), "no gradient passes through NumPy"),
    ("gram_matrix", lambda f: f[0].reshape(-1, f.shape[-1]) @ f[0].reshape(-1, f.shape[-1]).T, "M × M"),
    ("gram_matrix", lambda f: np.einsum("nhwi,nhwj->ij", f, f) / f[..., 0].size, "plain sum"),
    ("gram_matrix", lambda f: f.reshape(f.shape[-1], -1) @ f.reshape(f.shape[-1], -1).T, "order in memory"),
    ("gram_matrix", lambda f: f @ f.T, "ValueError"),
    ("minimize", lambda loss, image, steps, rate: image, "2 values in this order: image, history"),
    ("minimize", lambda loss, image, steps, rate: (image, [0.0] * steps), "the image is"),
    ("minimize", lambda loss, image, steps: (image, []), "TypeError"),
    ("style_loss", lambda f, t: sum(f.values()), "ValueError"),
    ("style_loss", lambda f, t: None, "returns nothing"),
    ("style_loss", lambda f, t: max(abs(t[layer]).sum() for layer in t), "the answer is"),
    ("transfer", lambda network, c, s, a, b, steps: (c, [b] * steps), "the image is"),
    ("transfer", lambda network, c, s, a, b, steps: network(c)["conv9_9"], "KeyError"),
    ("style_gradient", lambda F, G, A: (F.T @ (G - A)).T * (F > 0) / F.size**2, "That is equation (6)"),
    ("style_gradient", lambda F, G, A: F.T @ (G - A) / F.size**2, "Transpose it"),
    (
        "style_gradient",
        lambda F, G, A: F.T @ (G - A) * (F > 0).T / F.size**2,
        "The answer is an array of shape",
    ),
    ("style_gradient", lambda F, G, A: (G - A) @ F / F.size**2, "Where F = 0"),
    ("style_gradient", lambda F, G, A: (F > 0) * ((G - A) @ F), "factor 1 / (N² M²)"),
    ("softmax", lambda z: z / z.sum(axis=-1, keepdims=True), "exponential is missing"),
    ("accuracy", lambda p, c: (p.argmax(0) == c).mean(), "ValueError"),
    ("adam_step", lambda m, v, t, r: -r * m / (v**0.5 + 1e-7), "corrections are missing"),
    (
        "adam_step",
        lambda m, v, t, r: -r * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t)),
        "ε is missing",
    ),
    ("secant_step", lambda x1, g1, x2, g2, rate: x2 - g2 * (x2 - x1) / (g2 - g1), "leads to a maximum"),
    ("secant_step", lambda x1, g1, x2, g2, rate: x2 - g2 / abs((g2 - g1) / (x2 - x1)), "absolute value"),
    ("secant_step", lambda x1, g1, x2, g2: x2, "TypeError"),
    ("two_loop", lambda g, s, y: -g, "gradient descent"),
    ("two_loop", lambda g, s, y: -g * (s[-1] @ y[-1]) / (y[-1] @ y[-1]), "IndexError"),
    ("two_loop", lambda g, s, y: -0.04 * g, "At [0] the answer is 9, and yours is 0.36"),
    ("two_loop", lambda g, s, y: None if len(s) else -g, "returns nothing"),
    ("two_loop", lambda g, s, y: -np.linalg.pinv(y) @ s @ g if len(s) else -g, "The shape is right"),
    ("round_to_bits", lambda x, bits: np.round(x, bits), "decimals"),
    ("round_to_bits", lambda x, bits: x, "The shape is right"),
    ("diffuse", lambda values, round_to: round_to(values), "by itself"),
    ("winograd_row", lambda d, g: np.correlate(d, g), "in this order: m, y"),
    ("winograd_row", lambda d, g: (np.zeros(4), np.correlate(d, g)), "the m is 25, and yours is 0"),
    (
        "evaluations_until",
        lambda h, loss: next(r["step"] for r in h if r["total"] <= loss),
        "That is the step",
    ),
    ("evaluations_until", lambda h, loss: None, "returns nothing"),
    ("keep_colors", lambda a, b: a + b @ [0.299, 0.587, 0.114] - a @ [0.299, 0.587, 0.114], "ValueError"),
    ("total_variation", lambda x: (abs(x[1:] - x[:-1])).sum() + (abs(x[:, 1:] - x[:, :-1])).sum(), "squared"),
    ("total_variation", lambda x: ((x[1:] - x[:-1]) ** 2).sum(), "columns are missing"),
    ("crossfade", lambda a, b, t: (1 - t) * a.sum() + t * b.sum(), "yours a single number"),
    ("content_gradient", lambda f, p: f - p if f > 0 else 0, "use np.where"),
    ("shorter_side", lambda x: x.shape[0] if x.shape[0] < x.shape[1] else None, "each of its branches"),
    ("total_variation", lambda x: (x[1:] - x[:-1], x[:, 1:] - x[:, :-1]), "rows of different lengths"),
    ("parameters", lambda k, n, m: k ** (900 * n) * m, "nan or inf"),
    ("total_loss", lambda c, s, a, b: exit(), "SystemExit"),
    ("estimated_seconds", lambda seconds, size, new: seconds * new / size, "four times the pixels"),
    ("shorter_side", lambda image: min(image.shape), "3 channels"),
    ("crossfade", lambda a, b, t: (1 - t) ** 2 * a + t * b, "The shape is right"),
    ("one_activation", lambda x, w, b: np.sum(x * w), "bias is missing"),
    ("one_activation", lambda x, w, b: np.sum(x * w + b), "every product"),
    ("one_activation", lambda x, w, b: np.sum(x * w[::-1, ::-1]) + b, "turned by 180"),
    ("one_activation", lambda x, w, b: np.einsum("uvn,uvn->n", x, w) + b, "input channels as well"),
    ("one_activation", lambda x, w, b: np.einsum("uvn,uvn->", x, w) - b, "the answer is"),
    ("convolve", lambda x, w, b, S, P: x, "The answer is an array of shape (5, 6, 3)"),
    ("convolve", lambda *given: convolved(*given)[:-1, :-1], "count the first position too"),
    ("convolve", lambda x, w, b, S, P: convolved(x, w, 0 * b, S, P), "bias is missing"),
    ("convolve", lambda x, w, b, S, P: convolved(x, w, b, S, 0), "zero padding is missing"),
    ("convolve", lambda x, w, b, S, P: convolved(x, w, b, 1, P), "stride is ignored"),
    ("convolve", lambda x, w, b, S, P: convolved(x, w[::-1, ::-1], b, S, P), "flipped by 180°"),
    ("convolve", lambda x, w, b, S, P: convolved(x[..., :1], w[..., :1, :], b, S, P), "first input channel"),
    ("convolve", lambda x, w, b, S, P: convolved(np.pad(x, P), w, b, S, 0), "ValueError"),
    ("pixel_gradient", lambda x, w, y: np.kron(y > 0, w), "The answer is an array of shape (4, 5)"),
    ("pixel_gradient", lambda x, w, y: (y > 0) * 1.0, "gradient with respect to y"),
    ("receptive_field", lambda layers: sum(k for k, s in layers), "only K − 1 positions"),
    ("one_activation", lambda x, w, b: sum(x * w) + b, "The answer is a single number, and yours an array"),
    ("softmax", lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), "Subtract the largest logit"),
    ("softmax", lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(-1, keepdims=True), "of each row"),
    ("softmax", lambda z: np.exp(z - z.max(-1, keepdims=True)), "Divide each row"),
    (
        "softmax",
        lambda z: np.exp(z - z.max(-1, keepdims=True)) / np.exp(z - z.max(-1, keepdims=True)).sum(),
        "all rows together",
    ),
    ("softmax", lambda z: tf.exp(z) / tf.reduce_sum(tf.exp(z), -1, keepdims=True), "nan or inf"),
    (
        "cross_entropy",
        lambda z, c: -tf.reduce_mean(tf.math.log(tf.gather(tf.nn.softmax(z), c, batch_dims=1))),
        "For ordinary logits this is right",
    ),
    (
        "cross_entropy",
        lambda z, c: tf.reduce_mean(tf.gather(tf.math.log_softmax(z), c, batch_dims=1)),
        "-1 times the right one",
    ),
    ("cross_entropy", lambda z, c: -tf.math.log(tf.nn.softmax(z)).numpy()[:, c].mean(), "batch_dims=1"),
    (
        "cross_entropy",
        lambda z, c: np.mean(
            np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1))
            - (z - z.max(-1, keepdims=True))[np.arange(len(c)), c]
        ),
        "TensorFlow's functions",
    ),
    ("accuracy", lambda p, c: (p.argmax(-1) == c).sum(), "number of right predictions"),
    ("train_epoch", epoch_of_pixels, "not the gradients of the weights"),
    ("train_epoch", epoch_without_a_step, "weights stay the same"),
    ("train_epoch", epoch_of_one_batch, "after the first batch"),
    ("train_epoch", epoch_of_means, "counts as much as the others"),
    ("train_epoch", lambda *given: epoch_of_means(*given)[0], "2 values in this order: loss, accuracy"),
    ("train_epoch", lambda m, loss, *rest: epoch_of_means(m, loss, None, *rest[1:]), "AttributeError"),
    ("softmax", lambda z: z / z.sum(axis=-1), "could not be broadcast"),
    ("cross_entropy", lambda z, c: -np.log(z.argmax(-1)).mean(), "nan or inf"),
    ("keep_colors", lambda a, b: a + (b.mean(-1) - a.mean(-1))[..., None], "Luma weights them"),
    (
        "guided_gram",
        lambda f, m: np.einsum("nhwi,nhwj->ij", f * m[..., None], f) / m.size,
        "the sum of the mask",
    ),
    (
        "guided_gram",
        lambda f, m: np.einsum("hw,hwi,hwj->ij", m, f[0], f[0]) / m.sum(),
        "tensors of TensorFlow",
    ),
    ("guided_gram", lambda f, m: f[0][m > 0].T @ f[0][m > 0] / (m > 0).sum(), "border count fully"),
    ("guided_gram", lambda f, m: f.T @ (m * f) / m.sum(), "ValueError"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m, s), "Use TensorFlow's functions throughout"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m, s, empty=True), "from a division by 0"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m, s, step=1), "upper left corner"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m, s) / len(f), "mean over the layers"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m, [np.ones_like(x) for x in s]), "style image"),
    ("guided_style_loss", lambda f, t, m, s: guided(f, t, m[:2], s[:2], square=np.abs), "the answer is"),
    ("instance_normalization", lambda x, s, o: s * (x - x.mean((1, 2))) / x.std((1, 2)) + o, "ValueError"),
    (
        "instance_normalization",
        lambda x, s, o: s * (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True) + o,
        "Add 10⁻⁵",
    ),
    (
        "relative_style_loss",
        lambda f, a: ((np.einsum("nhwi,nhwj->ij", f, f) - a) ** 2).sum(),
        "the answer is",
    ),
    ("training_step", trained, "step of training"),
    ("training_step", lambda *given: [float(x) for x in trained(*given)], "cannot compile"),
    ("training_step", lambda *given: trained(*given)[0], "3 values in this order: total, content, style"),
    ("training_step", lambda *given: trained(*given, of_penalty=0), "penalty is missing"),
    ("training_step", lambda *given: trained(*given, clip=lambda norm: 1.0), "global_norm"),
    ("training_step", lambda *given: trained(*given, clip=lambda norm: 1 / norm), "A shorter one stays"),
    ("training_step", lambda *given: trained(*given, seen=given[5]), "the total is"),
    ("training_step", trained_for_the_extractor, "not the gradients of the weights"),
    ("training_step", trained_outside_the_tape, "inside the tape"),
    ("blind_sheet", lambda b, v, f: np.where(f, v, b), "2 values in this order: array A, array B"),
    ("blind_sheet", lambda b, v, f: (np.where(f, v, b), np.where(f, b, v)), "the color channels"),
    ("blind_sheet", lambda b, v, f: (v, b) if f else (b, v), "use np.where"),
    ("blind_sheet", lambda b, v, f: (np.stack([v[0], b[1], v[2]]), b), "The shape is right"),
    ("preference", lambda votes, key: len(votes), "5 values in this order"),
    ("preference", lambda votes, key: wald(votes, key), "too narrow for few votes"),
    ("preference", lambda votes, key: wilson(votes, key, "="), "Leave it out of the n"),
    ("preference", lambda votes, key: wilson(votes, key), "That is Wilson's interval"),
    ("preference", lambda votes, key: wilson(["".join(votes)], key), "ValueError"),
    ("preference", lambda votes, key: (3, *wilson(votes, key)[1:]), "number of votes for the variant is 9"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "answer", "words"), ANSWERS)
def test_what_students_write_is_answered_in_words(name, answer, words):
    assert words in check(name, answer).message


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EXERCISES)
def test_any_answer_gets_a_sentence(name):
    for value in (
        None,
        0,
        -1.5,
        np.nan,
        np.inf,
        "text",
        [],
        [1, [2, 3]],
        {},
        np.zeros((0, 3)),
        10**30,
        object(),
    ):
        outcome = check(name, lambda *arguments, value=value: value)
        assert outcome.passed is False
        assert outcome.message


def test_a_function_that_changes_the_records_does_not_spoil_the_exercise():
    def emptied(history, loss):
        return sum(record.pop("evaluations") for record in history)

    for _ in range(2):
        assert "KeyError" not in check("evaluations_until", emptied).message


def test_a_function_that_changes_its_arguments_does_not_spoil_the_check():
    def in_place(pixels, gradient, rate):
        pixels -= rate * gradient
        return pixels

    assert check("gradient_step", in_place).passed


def test_an_outcome_shows_as_a_box_with_its_text_escaped():
    def wrong(*arguments):
        raise ValueError("<b>no</b>")

    markup = check("total_loss", wrong)._repr_html_()
    assert "Not yet." in markup
    assert "&lt;b&gt;no" in markup


def test_an_answer_may_be_a_tensor_of_the_backend():
    import keras

    outcome = check("gradient_step", lambda p, g, r: keras.ops.convert_to_tensor(p - r * g))
    assert outcome.passed
    assert check("gradient_step", lambda p, g, r: np.asarray(p - r * g).tolist()).passed


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="total_loss"):
        check("totalloss", lambda: 0)
