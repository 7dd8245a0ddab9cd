"""The multiple-choice questions of lesson 8."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "A style transfer with blend=[1, 1] and no masks: what happens at one position of the picture?",
        (
            Choice(
                "It takes its style from one of the two style images, and another position from the other.",
                "No. The Gram matrix is a sum over all positions. It does not say which position has which "
                "style, so nothing divides the picture into regions.",
            ),
            Choice(
                "It is the mean of the two pictures that each style image gives alone.",
                "No. The losses are added, not the pictures. The minimum of a sum of losses is in general "
                "not the mean of the two minima.",
            ),
            Choice(
                "Both style images change it, since both losses have a gradient at every position.",
                "Yes. Each style term is a function of the whole picture, so both act at every position. "
                "Only a mask says where a style belongs.",
            ),
        ),
        right=2,
    ),
    Question(
        "Why is a guided Gram matrix divided by the area of its region, and not by the number M of all "
        "positions?",
        (
            Choice(
                "So that a region of the generated image can be compared with a region of another size.",
                "Yes. The sum grows with the area. Divided by it, the matrix is a mean over the region, "
                "whatever the size of the region.",
            ),
            Choice(
                "So that the entries lie between 0 and 1.",
                "No. The entries are means of products of activations. They can be larger than 1.",
            ),
            Choice(
                "So that the optimizer does not change the pixels outside the region.",
                "No. The mask sees to that, up to the receptive field. A division by one number changes "
                "only how strongly the region counts.",
            ),
            Choice(
                "So that the network sees the region alone.",
                "No. The network always sees the whole picture. Near the border an activation depends on "
                "pixels of both regions.",
            ),
        ),
        right=0,
    ),
    Question(
        "Two edges have the same height of 100 gray levels: a sharp one over 1 pixel, and a soft one over "
        "10 pixels. Which one costs more in this lesson's total variation?",
        (
            Choice(
                "The soft one, since more pixels differ from their neighbors.",
                "No. Ten differences of 10 give 10 · 10² = 1000. One difference of 100 gives 100² = 10 000.",
            ),
            Choice(
                "The sharp one, since the differences are squared.",
                "Yes. 100² = 10 000 against 10 · 10² = 1000. So a large weight blurs edges.",
            ),
            Choice(
                "Both the same, since the height of the edge is the same.",
                "That is true for the sum of absolute differences, as in Rudin, Osher and Fatemi: 100 in "
                "both cases. Here the differences are squared.",
            ),
        ),
        right=1,
    ),
)
