"""The multiple-choice questions of lesson 1."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "A convolution layer has 64 filters. Its input has 3 channels. How many output channels are there?",
        (
            Choice(
                "192: each filter makes one feature map for each input channel.",
                "No. A filter adds up the products of all input channels. So it makes a single feature map.",
            ),
            Choice(
                "64: one for each filter.",
                "Yes. Each filter covers all 3 input channels and makes one feature map.",
            ),
            Choice(
                "3: as many as the input has.",
                "No. That is so in pooling, where each channel is handled by itself. A convolution has as "
                "many output channels as filters.",
            ),
        ),
        right=1,
    ),
    Question(
        "A convolution (K = 3, S = 1) is followed by a pooling (K = 2, S = 2). What is the side of the "
        "receptive field after the pooling?",
        (
            Choice(
                "4 pixels",
                "Yes. 3 + (2 − 1) · 1 = 4. The jump is still 1 when the kernel of the pooling is counted.",
            ),
            Choice(
                "5 pixels",
                "No. Here the stride of the pooling is counted too early. A layer's own stride makes the "
                "jump larger for the layers after it.",
            ),
            Choice(
                "6 pixels",
                "No. The kernel sizes are multiplied here. Neighboring patches of the convolution overlap, "
                "so a second one adds only 1 pixel.",
            ),
        ),
        right=0,
    ),
    Question(
        "During backpropagation a ReLU gets the gradient 5 at a position. In the forward pass y was −2 "
        "there. What does it return?",
        (
            Choice(
                "5",
                "No. It would be 5 if y were positive. Where y < 0, the output stays 0 when y changes a "
                "little.",
            ),
            Choice(
                "−10",
                "No. That is 5 times y. The derivative of the ReLU is 1 or 0, not y.",
            ),
            Choice(
                "−5",
                "No. A negative y does not change the sign of a gradient. It stops the gradient.",
            ),
            Choice(
                "0",
                "Yes. Where y < 0 the derivative of the ReLU is 0. So the product is 0.",
            ),
        ),
        right=3,
    ),
)
