"""The multiple-choice questions of lesson 7."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "The gradient is −3 at x = 1 and −5 at x = 2. Where does the secant step from x = 2 lead?",
        (
            Choice(
                "To the minimum of the parabola through these gradients.",
                "No. The estimated curvature is −2. This parabola opens downward and has no minimum.",
            ),
            Choice(
                "To the maximum of this parabola, at x = −0.5.",
                "Yes. The estimated curvature is −2, and 2 − (−5) / (−2) = −0.5. The gradient is 0 there, "
                "but the loss is the largest. L-BFGS does not use a pair with negative curvature.",
            ),
            Choice(
                "It leads nowhere: a division by 0.",
                "No. That happens only where both gradients are equal. Here they differ by −2.",
            ),
            Choice(
                "In the direction of the negative gradient, as every step of an optimizer.",
                "No. The negative gradient at x = 2 is +5, so gradient descent goes to the right. This step "
                "goes to the left, since the curvature is negative.",
            ),
        ),
        right=1,
    ),
    Question(
        "A run of L-BFGS takes 20 iterations. In five of them, the line search halves the step size once. "
        "How many evaluations of loss and gradient are that?",
        (
            Choice(
                "20, one for each iteration.",
                "No. Each step size that is tried costs an evaluation, and so does the first point.",
            ),
            Choice(
                "25.",
                "Nearly. The loss and the gradient at the first point cost an evaluation as well.",
            ),
            Choice(
                "40: one for the loss and one for the gradient.",
                "No. An evaluation gives both: backpropagation follows the forward pass of the loss.",
            ),
            Choice(
                "26.",
                "Yes. One at the first point, one for each of the 20 steps, and five more for the step sizes "
                "that were too large.",
            ),
        ),
        right=3,
    ),
    Question(
        "Somebody says: “Coarse-to-fine optimization is always faster.” What is right?",
        (
            Choice(
                "With the same number of steps it takes less time. Until a given loss it may take longer.",
                "Yes. Its steps at small sizes are cheap. But they minimize another loss, that of the small "
                "picture. The benchmark took 32 s with one size and 44 s with two.",
            ),
            Choice(
                "Right: a quarter of the pixels takes a quarter of the time.",
                "No. That holds for one evaluation at half the size. The question is how many evaluations at "
                "full size are needed afterwards.",
            ),
            Choice(
                "Wrong: it always takes longer, since there are more sizes to compute.",
                "No. The number of steps is divided among the sizes, and the small ones are cheap.",
            ),
        ),
        right=0,
    ),
)
