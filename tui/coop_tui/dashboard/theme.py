"""Colours and layout. Few colours, each with one meaning, and never alone: a glyph and a word say the same."""

from __future__ import annotations

import os

from textual.theme import Theme

COOP = Theme(
    name="coop",
    primary="#7aa2c8",
    secondary="#7aa2c8",
    accent="#7fb8d6",
    foreground="#d4d7dc",
    background="#14171b",
    surface="#1b1f24",
    panel="#232830",
    success="#86b886",
    warning="#d9b066",
    error="#dd7b74",
    dark=True,
    variables={
        "footer-key-foreground": "#7fb8d6",
        "footer-description-foreground": "#8b929b",
        "footer-background": "#14171b",
        "text-muted": "#7d858f",
        "boost": "#20262d",
        "scrollbar": "#2b323b",
        "scrollbar-background": "#14171b",
        "scrollbar-hover": "#3a4450",
        "scrollbar-active": "#7aa2c8",
    },
)

BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
"""From 120 cells on, the dev loop and the log stand side by side."""

CSS = """
Screen { background: $background; }

#header { background: $panel; color: $foreground; }

#services { height: auto; min-height: 5; max-height: 45%; }
#lower { height: 1fr; }
.-narrow #lower { layout: vertical; }
.-wide #lower { layout: horizontal; }

.-narrow #loop { height: 45%; min-height: 7; }
.-narrow #detail { height: 1fr; }
.-wide #loop { width: 2fr; height: 1fr; }
.-wide #detail { width: 3fr; height: 1fr; }

#timeline, #log, #events { height: 1fr; overflow-x: hidden; }
#log.-sideways { overflow-x: auto; }
#detail-body { height: 1fr; }

#filter { display: none; border: none; height: 1; background: $panel; }
#filter.-open { display: block; }
Footer { background: $background; }
FooterKey { padding: 0 1; }
"""


def is_colourless() -> bool:
    """Whether the user asked for no colour at all, as no-color.org has it."""
    return "NO_COLOR" in os.environ


def preferred() -> str:
    """The theme to start with: the user's choice for all Textual programs, else ours."""
    return os.environ.get("TEXTUAL_THEME") or COOP.name
