"""The multiple-choice questions of lesson 5."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "Which numbers does the optimizer change during a style transfer?",
        (
            Choice(
                "The weights of VGG19.",
                "No. The weights are constants here. They were found once, by training on ImageNet.",
            ),
            Choice(
                "The pixels of the generated image.",
                "Yes. The pixels are the optimization variable; everything else is constant.",
            ),
            Choice(
                "The weights α and β.",
                "No. You choose α and β. If the optimizer could change them, it would make both 0.",
            ),
        ),
        right=1,
    ),
    Question(
        "You multiply α and β by 10. What happens to the picture that minimizes the total loss?",
        (
            Choice(
                "It stays the same.",
                "Yes. The whole loss is multiplied by 10, and its minimum stays at the same pixels.",
            ),
            Choice(
                "It is painted ten times more strongly.",
                "No. Only the ratio β/α says how strongly it is painted, and the ratio is the same.",
            ),
            Choice(
                "It is closer to the content image, since α is larger.",
                "No. β is larger by the same factor, so the compromise is the same.",
            ),
        ),
        right=0,
    ),
    Question(
        "A run with β/α = 50 ends at a loss of 3, one with β/α = 5 at a loss of 1. Which picture is better?",
        (
            Choice(
                "The second: its loss is smaller.",
                "No. The two losses are different functions, so their values cannot be compared. Even within "
                "one function a smaller loss is not the same as a better picture.",
            ),
            Choice(
                "The first: its style weight is larger.",
                "No. A larger β gives more style and less content. Which is better depends on the brief.",
            ),
            Choice(
                "The losses do not tell.",
                "Yes. They belong to two different objectives. Look at the pictures and at what you wanted.",
            ),
        ),
        right=2,
    ),
)
