"""The multiple-choice questions of lesson 6."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "From the eighth epoch on, the cross-entropy still falls on the training set and rises on the "
        "validation set. What happens?",
        (
            Choice(
                "The learning rate is too small.",
                "No. Then both curves would fall slowly. Here the network fits its training patches better "
                "and better.",
            ),
            Choice(
                "Data leakage.",
                "No. With leakage the validation set would look too good. Its loss would fall together with "
                "that of the training set.",
            ),
            Choice(
                "Overfitting.",
                "Yes. The network improves on its training patches only. Keep the weights of the epoch with "
                "the lowest validation loss.",
            ),
            Choice(
                "Nothing bad: only the training loss counts.",
                "No. The training loss tells how well the network does on patches that it was trained on. We "
                "want right predictions for other patches.",
            ),
        ),
        right=2,
    ),
    Question(
        "You train 20 networks and choose the one with the best accuracy on the validation set, 92 %. Which "
        "accuracy do you report?",
        (
            Choice(
                "That of the chosen network on the test set, measured once.",
                "Yes. The test set took no part in the choice.",
            ),
            Choice(
                "92 %, from the validation set.",
                "No. You chose the best of 20 with this set, so its number is too high, in part by chance.",
            ),
            Choice(
                "The best of the 20 accuracies on the test set.",
                "No. Then the test set makes the choice, and its number is too high as well.",
            ),
        ),
        right=0,
    ),
    Question(
        "Two textures were made with two different networks. The first ends at a loss of 0.0002, the second "
        "at 0.0016. Which texture is better?",
        (
            Choice(
                "The first: its loss is smaller.",
                "No. Each network has its own loss function. In this lesson, the picture with strokes has "
                "the largest loss.",
            ),
            Choice(
                "The losses do not tell. Look at the pictures.",
                "Yes. A loss tells how far a picture is from the target in the features of one network. It "
                "does not tell whether these features are what you want.",
            ),
            Choice(
                "The second: a larger loss means that its network asks for more.",
                "No. A larger loss may also mean that the steps were too few. Only the pictures tell.",
            ),
            Choice(
                "They are equally good: both losses are nearly 0.",
                "No. Nearly 0 means that each network's features agree with the target. Features of an "
                "untrained network may agree although the strokes are missing.",
            ),
        ),
        right=1,
    ),
)
