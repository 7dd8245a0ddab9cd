"""The multiple-choice questions of the lessons, each choice with what its reader should hear about it."""
