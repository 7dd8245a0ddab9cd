"""The multiple-choice questions of appendix A2."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "One program prints a style weight of 100, another one of 1 000 000. Which paints with more style?",
        (
            Choice(
                "The second, by a factor of 10 000.",
                "No. The two programs divide their losses by different numbers, so their weights have "
                "different units.",
            ),
            Choice(
                "The weights alone do not say.",
                "Yes. It depends on the convention: how each program normalizes its losses, and which "
                "network and layers it uses.",
            ),
            Choice(
                "Both the same, since only the picture counts.",
                "No. The weight does change the picture within one program. Only the comparison between "
                "programs means nothing.",
            ),
        ),
        right=1,
    ),
    Question(
        "In the gradient of the histogram loss, R(F) is held constant. What does that mean?",
        (
            Choice(
                "R(F) is computed once, before the run.",
                "No. It is computed from the current F at every evaluation. It is constant only while the "
                "derivative is taken.",
            ),
            Choice(
                "R(F) is the same number at every position.",
                "No. Each position has its own target, the style image's value at the rank of its "
                "activation.",
            ),
            Choice(
                "The style image does not change during the run.",
                "That is true, but not the point. R(F) also depends on F, through the ranks.",
            ),
            Choice(
                "The derivative treats R(F) as a given target, although it was computed from F.",
                "Yes. So the gradient is 2 (F − R(F)) / (N M), as for any fixed target.",
            ),
        ),
        right=3,
    ),
    Question(
        "Each frame of a film is painted by itself, with the same settings. Why does the film flicker "
        "although the scene hardly changes?",
        (
            Choice(
                "The loss has many local minima, and a small change of the frame leads to another one.",
                "Yes. The style loss does not say where a stroke belongs, so each run places its strokes "
                "anew.",
            ),
            Choice(
                "The optimizer uses random numbers.",
                "No. From the same photo with the same settings it takes the same steps. The frames differ, "
                "and small differences grow during the run.",
            ),
            Choice(
                "The steps are too few; after enough steps all frames agree.",
                "No. More steps bring each frame closer to a minimum of its own, not to that of its "
                "neighbor.",
            ),
        ),
        right=0,
    ),
)
