"""The multiple-choice questions of lesson 2."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "A pixel is pure red: (255, 0, 0) in RGB. Which three numbers does VGG19 get for it?",
        (
            Choice(
                "(131.3, -116.8, -103.9)",
                "No. The means are subtracted, but the channels are still in the order RGB.",
            ),
            Choice(
                "(-0.41, -0.46, 0.51)",
                "No. The order is right, but the values are divided by 255. VGG19 was not trained on such "
                "values.",
            ),
            Choice(
                "(-103.9, -116.8, 131.3)",
                "Yes. Blue and green are 0 minus their means. Red is last: 255 - 123.68, still the largest.",
            ),
            Choice(
                "(-123.7, -116.8, 151.1)",
                "No. The channels are BGR, but the means of red and blue are exchanged.",
            ),
        ),
        right=2,
    ),
    Question(
        "You give the feature extractor a picture of 256 × 384 pixels. What happens?",
        (
            Choice(
                "It stops with an error, because VGG19 was trained on 224 × 224.",
                "No. Only the classifier needs one size. It is cut off.",
            ),
            Choice(
                "The output of block5_pool has 8 × 12 positions and 512 channels.",
                "Yes. Five poolings divide each side by 32. The number of channels is always 512.",
            ),
            Choice(
                "It needs more parameters, because there are more positions.",
                "No. All positions share the same kernels, so the number of parameters is the same.",
            ),
            Choice(
                "It scales the picture to 224 × 224 first.",
                "No. No layer scales its input. You choose the size in preprocessing.",
            ),
        ),
        right=1,
    ),
    Question(
        "A program for style transfer leaves out the step from RGB to BGR. How can you find the mistake?",
        (
            Choice(
                "Compare its pixels with those of Keras' preprocess_input.",
                "Yes. There is no error message, and every shape is right. Only the numbers show it.",
            ),
            Choice(
                "The program stops with an error message.",
                "No. The shape is right, and the network accepts any numbers.",
            ),
            Choice(
                "The feature maps have wrong shapes.",
                "No. The order of the channels changes values, not shapes.",
            ),
            Choice(
                "There is nothing to find: deeper layers are insensitive to color.",
                "No. The activations of every layer change, those of the last layers as well.",
            ),
        ),
        right=0,
    ),
)
