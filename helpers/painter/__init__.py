"""Painters: feed-forward networks that paint any photo in the manner of one style image, in one pass."""
