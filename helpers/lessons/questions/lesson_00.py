"""The multiple-choice questions of lesson 0."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "The yellow of the painted street lies on the trees of the generated image. Why can this happen?",
        (
            Choice(
                "The style is compared over the whole picture, without positions.",
                "Yes. The loss does not say where a color has to be, so it can appear anywhere.",
            ),
            Choice(
                "The network took the trees for a street.",
                "No. The style part of the loss does not ask which object is where. It compares the two "
                "pictures as wholes.",
            ),
            Choice(
                "The run had too few steps; later the yellow moves to the ground.",
                "No. More steps make the loss smaller, but the loss contains no rule that yellow belongs to "
                "the ground.",
            ),
        ),
        right=0,
    ),
    Question(
        "An image has the shape (256, 384, 3). What is image[..., 0]?",
        (
            Choice(
                "The uppermost row of the image.",
                "No. That is image[0]. The three dots stand for all axes but the last.",
            ),
            Choice(
                "The pixel in the upper left corner.",
                "No. That is image[0, 0], an array of three numbers.",
            ),
            Choice(
                "The red channel, an array of shape (256, 384).",
                "Yes. The index 0 belongs to the last axis, which holds red, green and blue.",
            ),
        ),
        right=2,
    ),
    Question(
        "What does the network learn while you make a generated image?",
        (
            Choice(
                "The style of the painting.",
                "No. The style is measured with the network, and the network stays as it is.",
            ),
            Choice(
                "Nothing. Only the pixels of the generated image change.",
                "Yes. The pixels are the optimization variable. The network was trained long before, to "
                "recognize objects.",
            ),
            Choice(
                "To paint, a little better at each step.",
                "No. What gets better at each step is the picture, not the network.",
            ),
            Choice(
                "The content of the photo and the style of the painting.",
                "No. Both are computed once, before the first step, and are constants from then on.",
            ),
        ),
        right=1,
    ),
)
