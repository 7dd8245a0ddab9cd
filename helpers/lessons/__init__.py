"""What a notebook shows and checks."""
