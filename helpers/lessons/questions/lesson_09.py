"""The multiple-choice questions of lesson 9."""

from helpers.lessons.questions.question import Choice, Question

QUESTIONS = (
    Question(
        "A trained network paints a photo that it has never seen. What is minimized while it paints?",
        (
            Choice(
                "The total loss of this photo, over its pixels.",
                "No. That is the optimization of lesson 5. The network computes its output once.",
            ),
            Choice(
                "The total loss of this photo, over the weights of the network.",
                "No. The weights were found in training. They are constants when the network paints.",
            ),
            Choice(
                "Nothing.",
                "Yes. It is one forward pass. The loss was minimized before, in training.",
            ),
            Choice(
                "The difference between the photo and the style image.",
                "No. The network does not even get the style image: the style is in its weights.",
            ),
        ),
        right=2,
    ),
    Question(
        "You double the contrast of a photo: each feature map of the first convolution has twice the values "
        "and twice the mean. What does an instance normalization after it compute?",
        (
            Choice(
                "Nearly the same as before.",
                "Yes. It subtracts the mean of each map and divides by its deviation. Both have doubled.",
            ),
            Choice(
                "Twice the values as before.",
                "No. It divides by the deviation of this photo, which has doubled, too.",
            ),
            Choice(
                "It depends on the other photos of the batch.",
                "No. That is batch normalization. Instance normalization uses each photo by itself.",
            ),
        ),
        right=0,
    ),
    Question(
        "In a training step, with respect to what do you ask for the gradient of the loss?",
        (
            Choice(
                "The pixels of the painted photo.",
                "No. This gradient is an intermediate result of backpropagation. An optimizer that used it "
                "would change one picture, and no weight.",
            ),
            Choice(
                "The weights of the network that paints.",
                "Yes. The optimizer changes these weights, and nothing else.",
            ),
            Choice(
                "The weights of both networks, since the loss passes through VGG19.",
                "No. VGG19 defines the loss. If its weights changed, the loss could become small without any "
                "better picture.",
            ),
        ),
        right=1,
    ),
)
