"""Stands in for Colab's own package: a lesson asks only whether it is there."""
