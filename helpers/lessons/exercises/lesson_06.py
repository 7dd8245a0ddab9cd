"""The exercises of lesson 6: cases, right answers, and typical mistakes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp
from helpers.lessons.exercises.training import Made, explaining_optimizer

_OVERFLOW = (
    "for a logit of 1000, its power of e is larger than any number that the computer can hold. Subtract the "
    "largest logit of each row first: this does not change the fraction."
)
_NO_POWER_LEFT = (
    "all powers of a row are rounded to 0, and so is their sum. Subtract the largest logit of each row from "
    "that row, not the largest of all: then one power in each row is 1."
)


class _Logits(np.ndarray):
    """Logits that report an overflow or 0 / 0, where NumPy would warn and go on with inf or nan."""

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (), **options: Any
    ) -> Any:
        if out:
            options["out"] = tuple(map(_plain, out))
        try:
            with np.errstate(over="raise", invalid="raise"):
                result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        except FloatingPointError as error:
            raise ArithmeticError(_OVERFLOW if "overflow" in str(error) else _NO_POWER_LEFT) from None
        if out:
            return out[0]
        return result.view(_Logits) if isinstance(result, np.ndarray) else result


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Logits) else value


def _powers(logits: Any) -> np.ndarray:
    return np.exp(logits - np.max(logits, axis=-1, keepdims=True))


def _softmax(logits: Any) -> np.ndarray:
    return _powers(logits) / _powers(logits).sum(axis=-1, keepdims=True)


def _right(values: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    return values[np.arange(len(labels)), labels]


def _logarithms(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities, −inf where a probability is rounded to 0."""
    with np.errstate(divide="ignore"):
        return np.log(_softmax(logits))


def _cross_entropy(logits: Any, labels: Any) -> Any:
    import tensorflow as tf

    shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    log_sums = tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1))
    return tf.reduce_mean(log_sums - tf.gather(shifted, labels, batch_dims=1))


def _accuracy(logits: Any, labels: Any) -> float:
    return np.mean(np.argmax(logits, axis=-1) == labels)


def _tiny_model() -> Any:
    """A network of 12 weights: the mean color of a patch, and a fully connected layer for three classes."""
    import keras

    pixels = keras.Input((2, 2, 3), dtype="float32")
    means = keras.layers.GlobalAveragePooling2D(data_format="channels_last", dtype="float32")(pixels)
    model = keras.Model(pixels, keras.layers.Dense(3, dtype="float32")(means))
    model.set_weights([ramp(3, 3, low=-0.6, high=0.9) ** 2, ramp(3, low=0.2, high=-0.1)])
    return model


def _weighted(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The means over all patches, from those of each batch (a row each) and its number of patches."""
    return counts @ values / counts.sum()


def _batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


def _train_epoch(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    patches: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    order: np.ndarray,
    *,
    batches: Callable[[np.ndarray, int], list[np.ndarray]] = _batches,
    label_batches: Callable[[np.ndarray, int], list[np.ndarray]] | None = None,
    mean: Callable[[np.ndarray, np.ndarray], np.ndarray] = _weighted,
    factor: Callable[[int], float] = lambda count: 1.0,
    after: bool = False,
) -> tuple[float, float]:
    """The answer, and with other keywords what goes wrong.

    ``factor``: of the gradient, for a batch of so many patches. ``after``: measure after the step.
    """
    import tensorflow as tf

    values, counts = [], []
    rows = batches(order, batch_size)
    for chosen, named in zip(rows, (label_batches or batches)(order, batch_size), strict=True):
        with tf.GradientTape() as tape:
            logits = model(patches[chosen])
            value = loss(logits, labels[named])
        gradients = tape.gradient(value, model.trainable_variables)
        gradients = [factor(len(chosen)) * gradient for gradient in gradients]
        optimizer.apply(gradients, model.trainable_variables)
        if after:
            logits = model(patches[chosen])
            value = loss(logits, labels[named])
        values.append((float(value), float(_accuracy(logits, labels[named]))))
        counts.append(len(chosen))
    return tuple(mean(np.array(values), np.array(counts)))


def _in_file_order(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return _batches(np.arange(len(order)), batch_size)


def _full_batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return _batches(order, batch_size)[: len(order) // batch_size]


def _only_the_accuracy_weighted(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.array([values[:, 0].mean(), _weighted(values, counts)[1]])


_UNEQUAL = (
    "You take the mean of the batches' values. The last batch is smaller, but counts as much as the others: "
    "multiply each value by the number of patches of its batch, and divide the sum by the number of all."
)

_EPOCHS = (
    (
        Made("a model", _tiny_model),
        _cross_entropy,
        Made("an optimizer", lambda: explaining_optimizer("SGD", "model", learning_rate=0.8, momentum=0.9)),
        ramp(7, 2, 2, 3, low=-2, high=3) ** 2 % 3 - 1,
        np.array([0, 2, 1, 1, 0, 2, 0], np.int32),
        3,
        np.array([4, 1, 6, 0, 3, 5, 2]),
    ),
    (
        Made("a model", _tiny_model),
        _cross_entropy,
        Made("an optimizer", lambda: explaining_optimizer("Adam", "model", learning_rate=0.3)),
        ramp(5, 2, 2, 3, low=2, high=-2) ** 3 % 4 - 2,
        np.array([2, 0, 1, 0, 1], np.int32),
        2,
        np.array([3, 0, 4, 1, 2]),
    ),
)


EXERCISES = {
    "softmax": Exercise(
        title="softmax",
        cases=(
            (ramp(2, 3, low=-1, high=2) ** 2,),
            (np.array([[0.5, -0.5, 2.0, 0.0]], np.float32),),
            (np.array([[1000.0, 999.0], [-3.0, -1000.0]], np.float32).view(_Logits),),
        ),
        answer=_softmax,
        mistakes=(
            Mistake(
                lambda logits: _powers(logits) / _powers(logits).sum(),
                "You divide by the sum of all rows together. Each row is one patch: its sum is 1.",
            ),
            Mistake(
                lambda logits: _powers(logits) / _powers(logits).sum(axis=0, keepdims=True),
                "You divide by the sums of the columns. Each row is one patch: take axis=-1.",
            ),
            Mistake(
                lambda logits: logits / logits.sum(axis=-1, keepdims=True),
                "The exponential is missing: without it a negative logit gives a negative probability.",
            ),
            Mistake(_powers, "The powers are there. Divide each row by its sum."),
            Mistake(
                lambda logits: _softmax(-logits),
                "The sign is wrong: a larger logit has to give a higher probability.",
            ),
            Mistake(
                lambda logits: np.log(_softmax(logits) + 1e-45),
                "Those are the logarithms of the probabilities. The logarithm comes in the next exercise.",
            ),
            Mistake(
                lambda logits: (logits == logits.max(axis=-1, keepdims=True)).astype(float),
                "You give probability 1 to the largest logit and 0 to the others. They get a part as well.",
            ),
            Mistake(
                lambda logits: 1 / (1 + np.exp(-np.clip(_plain(logits), -80, 80))),
                "That is the sigmoid of each logit by itself. The softmax divides by the sum of its row.",
            ),
        ),
        praise="Positive, each row has the sum 1, and a logit of 1000 does not overflow.",
    ),
    "cross_entropy": Exercise(
        title="cross-entropy",
        gradient=True,
        cases=(
            (np.array([[2.0, 0.5, -1.0], [0.1, 0.4, 1.2]], np.float32), [0, 1]),
            (np.array([[0.3, 1.5], [0.5, -0.5], [2.0, -0.2]], np.float32), [1, 0, 1]),
            (np.array([[1000.0, 0.0], [-1.0, 1.0]], np.float32), [1, 0]),
        ),
        answer=_cross_entropy,
        mistakes=(
            Mistake(
                lambda logits, labels: -np.mean(_right(_logarithms(logits), labels)),
                "For ordinary logits this is right. Where one is larger by 1000, its power is too large, or "
                "the probability of the other is rounded to 0, and the loss is infinite. Write the logarithm "
                "of the fraction as a difference, and simplify before you compute.",
            ),
            Mistake(
                lambda logits, labels: np.mean(_right(_logarithms(logits), labels)),
                "The minus is missing: logarithms of probabilities are negative.",
            ),
            Mistake(
                lambda logits, labels: -np.sum(_right(_logarithms(logits), labels)),
                "That is the sum over the patches. Take the mean.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_right(_logarithms(logits), labels)) / np.log(10),
                "Use the natural logarithm, tf.math.log.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_right(_logarithms(logits), labels)) / np.log(2),
                "Use the natural logarithm, tf.math.log, not that to base 2.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_logarithms(logits)),
                "You take the probabilities of all classes. Only that of the right class counts in each row.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(np.max(_logarithms(logits), axis=-1)),
                "You take the highest probability in each row. That of the right class counts.",
            ),
            Mistake(
                lambda logits, labels: -_right(_logarithms(logits), labels),
                "You have one number for each patch. Now take their mean.",
            ),
            Mistake(
                lambda logits, labels: -np.log(np.mean(_right(_softmax(logits), labels))),
                "You take the logarithm of the mean. Take the mean of the logarithms.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_logarithms(logits)[:, labels]),
                "This takes all these columns from every row. Take one entry from each row: "
                "tf.gather with batch_dims=1.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_logarithms(logits)[labels]),
                "This picks whole rows. Take one entry from each row: tf.gather with batch_dims=1.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_right(_softmax(logits), labels)),
                "The logarithm is missing: it makes a certain and wrong prediction expensive.",
            ),
            Mistake(
                lambda logits, labels: -np.mean(_right(logits, labels)),
                "You have the logits of the right classes. The logarithm of the sum of powers is missing.",
            ),
        ),
        praise="The loss is finite for large logits, and a gradient passes through: you can train with it.",
    ),
    "accuracy": Exercise(
        title="accuracy",
        cases=(
            (
                np.array([[-0.2, 1.7, 0.1], [0.1, 0.3, 0.6], [-0.3, 2.4, 0.3], [3, 0.1, 0.1]], np.float32),
                np.array([0, 2, 1, 2], np.int32),
            ),
            (
                np.array([[-2.5, -0.5], [0.5, 0.4], [0.9, 2.1], [0.2, 0.8], [0.6, 0.4]], np.float32),
                np.array([1, 0, 0, 1, 0], np.int32),
            ),
        ),
        answer=_accuracy,
        mistakes=(
            Mistake(
                lambda logits, labels: np.sum(np.argmax(logits, axis=-1) == labels),
                "That is the number of right predictions. Accuracy is a fraction: take the mean.",
            ),
            Mistake(
                lambda logits, labels: np.mean(np.argmax(logits, axis=-1) != labels),
                "That is the fraction of wrong predictions.",
            ),
            Mistake(
                lambda logits, labels: np.mean(_right(_softmax(logits), labels)),
                "That is the mean probability of the right class. Count how often it is the highest.",
            ),
            Mistake(
                lambda logits, labels: np.mean(_right(logits, labels) > 0),
                "The largest logit may be negative, and a positive one not the largest: use np.argmax.",
            ),
            Mistake(
                lambda logits, labels: np.argmax(logits, axis=-1) == labels,
                "You have one value for each patch. Now take their mean.",
            ),
            Mistake(
                lambda logits, labels: np.argmax(logits, axis=-1),
                "Those are the predictions. Compare them with the labels.",
            ),
            Mistake(
                lambda logits, labels: 100 * np.mean(np.argmax(logits, axis=-1) == labels),
                "That is in percent. Return a fraction from 0 to 1.",
            ),
            Mistake(
                lambda logits, labels: np.mean(np.argmax(logits, axis=-1) == np.argmax(labels)),
                "The labels are numbers of columns already: compare with them as they are.",
            ),
            Mistake(
                lambda logits, labels: (np.argmax(logits[0]) == labels[0]) / len(labels),
                "You return inside the loop, after the first patch.",
            ),
        ),
        praise="A network that guesses reaches 1/14 here.",
    ),
    "train_epoch": Exercise(
        title="training epoch",
        parts=("loss", "accuracy"),
        cases=_EPOCHS,
        answer=_train_epoch,
        mistakes=(
            Mistake(lambda *given: _train_epoch(*given, mean=lambda v, counts: v.mean(axis=0)), _UNEQUAL),
            Mistake(
                lambda *given: _train_epoch(*given, mean=_only_the_accuracy_weighted),
                f"The accuracy is right, the loss is not. {_UNEQUAL}",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, mean=lambda values, counts: counts @ values),
                "Those are sums over all patches. Divide them by the number of patches.",
            ),
            Mistake(
                lambda *given: _train_epoch(
                    *given, mean=lambda values, counts: counts[0] * values.sum(axis=0) / counts.sum()
                ),
                "You multiply the values of each batch by batch_size. The last batch has fewer patches: "
                "multiply by the number of patches in it.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, mean=lambda values, counts: values.sum(axis=0)),
                "You add up the means of the batches. Multiply each by the number of its patches, and divide "
                "by the number of all patches.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, batches=_full_batches),
                "The last batch is missing: it is smaller than batch_size, and has to be trained on as well.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, batches=_in_file_order),
                "You take the patches as they are stored. Take them in the given order: a batch is "
                "order[first : first + batch_size], the numbers of its patches.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, label_batches=_in_file_order),
                "The patches follow the order, the labels do not: each patch gets the label of another. Use "
                "the same numbers for both.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, factor=lambda count: 0.0),
                "The losses are those of a network whose weights stay the same during the epoch. For each "
                "batch, inside the loop, the optimizer has to apply the gradient with respect to "
                "model.trainable_variables.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, factor=lambda count: -1.0),
                "The weights move uphill. The optimizer subtracts the gradient itself: do not change its "
                "sign.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, factor=float),
                "The gradient is that of the sum over the batch. Take the gradient of the mean loss, and "
                "multiply by the number of patches outside the tape.",
            ),
            Mistake(
                lambda model, loss, _, *rest: _train_epoch(
                    model, loss, explaining_optimizer("Adam", "model"), *rest
                ),
                "You create an optimizer inside the function. Use the one that is given: it has its own "
                "learning rate, and what it remembers from earlier steps.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, after=True),
                "You compute the loss once more after the step. Collect the one from inside the tape, before "
                "the step: it costs nothing more.",
            ),
            Mistake(
                lambda *given: _train_epoch(*given, batches=lambda order, size: [order[:size]]),
                "You return inside the loop, after the first batch.",
            ),
        ),
        praise="That is an epoch: every patch once, a step after each batch, and the mean over all patches.",
    ),
}
