"""The multiple-choice questions of lesson 4."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "Which change of an image leaves the Gram matrix of conv1_1 nearly the same?",
        (
            Choice(
                "Shuffling all its pixels.",
                "No. A filter of conv1_1 sees 3 × 3 pixels together. Shuffled pixels have other neighbors.",
            ),
            Choice(
                "Cutting it into large tiles and shuffling the tiles.",
                "Yes. Inside a tile all neighbors are the same; only the cuts between the tiles are new.",
            ),
            Choice(
                "Making it half as bright.",
                "No. The activations become smaller, and the Gram matrix contains how large they are.",
            ),
        ),
        right=1,
    ),
    Question(
        "You write tf.reshape(features, (N, -1)) to get the matrix F. What is wrong?",
        (
            Choice(
                "Nothing: the shape is N × M.",
                "No. The shape is right and the numbers are not. In memory the N activations of one position "
                "stand together, so each row would mix filters and positions.",
            ),
            Choice(
                "The shape is M × N.",
                "No. The shape is N × M, as wanted. But reshape does not transpose.",
            ),
            Choice(
                "The shape is right, but the rows do not belong to filters.",
                "Yes. The filters are the last axis. Reshape to (-1, N), which is the transpose of F.",
            ),
        ),
        right=2,
    ),
    Question(
        "A style image has four times as many positions as the generated image. What if M is ignored?",
        (
            Choice(
                "The target A is about four times too large.",
                "Yes. The sum of equation (3) has four times as many terms.",
            ),
            Choice(
                "The Gram matrices cannot be subtracted.",
                "No. Both are N × N, whatever the size of the image.",
            ),
            Choice(
                "Nothing, since the Gram matrix discards positions.",
                "No. It discards where a position is, but it still adds up over all of them.",
            ),
        ),
        right=0,
    ),
)
