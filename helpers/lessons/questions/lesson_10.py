"""The multiple-choice questions of lesson 10."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "A student compares 40 steps at 128 pixels with 80 steps at 256 pixels and concludes that more steps "
        "give finer strokes. What is wrong?",
        (
            Choice(
                "Nothing: both pictures have the same content image and style image.",
                "No. Steps and size both changed, so each of them may be the reason.",
            ),
            Choice(
                "The second run takes longer, so the comparison is unfair.",
                "No. A comparison may cost time. The conclusion fails because two settings changed at once.",
            ),
            Choice(
                "There should be a table of the losses of the two runs.",
                "No. Losses at two sizes are two different functions. A table does not repair this.",
            ),
            Choice(
                "Two things changed, so the effect of the steps is not known.",
                "Yes. The comparison is confounded. Change the steps only, and keep the size.",
            ),
        ),
        right=3,
    ),
    Question(
        "Measured by the network with average pooling, the baseline has the smaller losses. What follows?",
        (
            Choice(
                "Average pooling gives better pictures.",
                "No. The baseline was optimized for exactly this measure. The network with max pooling "
                "prefers its own pictures.",
            ),
            Choice(
                "The baseline is closer to what this network measures, and nothing more.",
                "Yes. Which picture people prefer is another question, and needs votes.",
            ),
            Choice(
                "Max pooling needs more steps until its losses are as small.",
                "No. The losses of the variant fall in its own network. The two networks measure different "
                "things, and more steps do not change this.",
            ),
        ),
        right=1,
    ),
    Question(
        "Five raters vote on one pair: four prefer A, one has no preference. How do you report it?",
        (
            Choice(
                "“100 % prefer A.”",
                "No. The reader does not learn that only four votes count, and that one rater saw no "
                "difference that matters.",
            ),
            Choice(
                "“80 % prefer A, so A is better.”",
                "No. The vote without a preference is hidden in the number, and five votes are too few for "
                "such a sentence.",
            ),
            Choice(
                "“4 for A, 0 for B, 1 without a preference; 95 % interval of 4 of 4: 0.51 to 1.”",
                "Yes. All counts are there, and the interval shows how little four votes say: its lower end "
                "is hardly above one half.",
            ),
            Choice(
                "Ask further raters until the interval excludes one half, then report.",
                "No. Who stops as soon as the result fits finds a difference too often. Fix the number of "
                "raters before the first vote.",
            ),
        ),
        right=2,
    ),
)
