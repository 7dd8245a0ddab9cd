"""The multiple-choice questions of lesson 3."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "You mirror a photo. What happens to its content loss against the original photo?",
        (
            Choice(
                "It stays near 0, since the same objects are visible.",
                "No. The content loss compares position by position, and mirroring moves every object.",
            ),
            Choice(
                "It becomes about as large as that of another photo.",
                "Yes. At each position there is now something else, as in another photo.",
            ),
            Choice(
                "It becomes 0, since the activations are only in another order.",
                "No. A sum over squared differences depends on which entries are compared with each other.",
            ),
        ),
        right=1,
    ),
    Question(
        "What does backpropagation compute in the loop of this lesson?",
        (
            Choice(
                "The gradient of the loss with respect to the weights, which trains the network.",
                "No. That is what it computes during training. Here the weights are constants.",
            ),
            Choice(
                "The new pixels.",
                "No. The optimizer computes those. Backpropagation computes the gradient that it needs.",
            ),
            Choice(
                "The gradient of the loss with respect to the pixels.",
                "Yes. The chain rule is applied from the loss back through the layers to the pixels.",
            ),
        ),
        right=2,
    ),
    Question(
        "A reconstruction from a deep layer has a small loss and does not look like the photo. Why?",
        (
            Choice(
                "Many images have nearly the same activations in that layer.",
                "Yes. The inversion is not unique. The optimizer finds one of these images.",
            ),
            Choice(
                "The optimizer needs more steps; in the end the photo itself would appear.",
                "No. With 300 steps the loss is much smaller, and the picture is hardly closer to the photo.",
            ),
            Choice(
                "The layer has too few activations to hold the photo.",
                "No. Up to block 4 a layer has more activations than the photo has numbers.",
            ),
        ),
        right=0,
    ),
)
