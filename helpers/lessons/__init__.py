"""What the lessons use besides the method: figures, tables, checks of the exercises, and the studio."""
