"""The box that says what a check, a question or the studio found, on light and on dark pages alike."""

import html

RIGHT, WRONG, OPEN = "#2e7d32", "#c62828", "#6b6b6b"
"""The colors of a box's bar and, under white letters, of its verdict."""


def feedback_html(color: str, message: str, verdict: str = "") -> str:
    """A message with a colored bar beside it, as HTML.

    ``message``: HTML. ``verdict``: what is said first, in white on the color, since no colored letters can
    be read on the white ground and on the dark one of JupyterLab, of Colab and of the site.
    """
    # A printer leaves grounds away unless it is told otherwise, and white letters would be lost.
    style = f"background:{color};color:#ffffff;padding:1px 8px;border-radius:4px;print-color-adjust:exact"
    mark = f'<strong style="{style}">{html.escape(verdict)}</strong> ' if verdict else ""
    box = f"border-left:5px solid {color};padding:5px 12px;margin:4px 0;line-height:1.5"
    return f'<div style="{box}">{mark}{message}</div>'
