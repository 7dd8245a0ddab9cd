"""The multiple-choice questions of appendix A1."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "float16 has 11 significand bits, bfloat16 has 8. Why do the helpers use bfloat16?",
        (
            Choice(
                "It is more precise.",
                "No. With 3 bits less, its rounding error is up to eight times larger.",
            ),
            Choice(
                "It takes less memory.",
                "No. Both take 16 bits. bfloat16 gives more of them to the exponent.",
            ),
            Choice(
                "It has the exponent range of float32.",
                "Yes. Sums of large activations exceed 65 504, the largest number of float16, and would "
                "become infinite.",
            ),
            Choice(
                "It is faster on every processor.",
                "No. Many processors have no instructions for it and emulate it, which is slower than "
                "float32. Therefore the helpers measure it first.",
            ),
        ),
        right=2,
    ),
    Question(
        "A quarter of the multiplications does not mean a quarter of the time. Why?",
        (
            Choice(
                "The sums before and after the products take time as well.",
                "Yes. And the first layers, with few input channels, are computed directly all the same.",
            ),
            Choice(
                "The results are less exact, so more layers have to be computed.",
                "No. The rounding errors are larger, but the layers are the same.",
            ),
            Choice(
                "The number of multiplications is the same in two dimensions.",
                "No. In two dimensions both savings multiply: 36 multiplications in place of 144.",
            ),
        ),
        right=0,
    ),
    Question(
        "L-BFGS in bfloat16 is ready in 23 s, Adam in float32 in 106 s. What does this show?",
        (
            Choice(
                "L-BFGS is more than four times faster than Adam.",
                "No. Part of the difference comes from bfloat16. In float32 both, L-BFGS took 32 s.",
            ),
            Choice(
                "Not which change helped: two things differ.",
                "Yes. Compare rows that differ in one thing: the optimizer in one precision, or the "
                "precision with one optimizer.",
            ),
            Choice(
                "bfloat16 is more than four times faster than float32.",
                "No. The optimizers differ as well. With L-BFGS in both, it was 23 s against 32 s.",
            ),
            Choice(
                "Nothing: seconds cannot be compared.",
                "No. They can, on one computer, if only one thing differs. Evaluations can also be compared "
                "between computers.",
            ),
        ),
        right=1,
    ),
)
