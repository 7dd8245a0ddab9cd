"""``python -m helpers``: the command line."""

import sys

from helpers.tools.command_line import main

if __name__ == "__main__":
    sys.exit(main())
