"""The keys. The footer and the help screen are made of these, so a key is described in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from coop_tui.dashboard.help import KeyHelp

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

_QUIT = "Leave; services go on running (a demo ends)"

_ACTIONS = (
    Binding("slash", "filter", "Filter", tooltip="Filter the services; in the log, its lines"),
    Binding("l", "show_log", "Log", tooltip="Log of the service"),
    Binding("e", "show_events", "Events", tooltip="Events of the service"),
    Binding("o", "open_url", "Open", tooltip="Open the service in a browser"),
    Binding("y", "copy_url", "Copy URL", tooltip="Copy its URL, over SSH too"),
    Binding("p", "previous_log", "Previous", tooltip="Log of the run before this one, and back", show=False),
    Binding("f", "follow", "Follow", tooltip="Follow the end of the log", show=False),
    Binding("w", "wrap", "Wrap", tooltip="Wrap long log lines, or not", show=False),
    Binding("s", "sort", "Sort", tooltip="Sort by name, health or age"),
    Binding("x", "dismiss", "Dismiss", tooltip="Put the shown problem away", show=False),
    Binding(
        "escape", "to_services", "Back", tooltip="Drop the panel's filter, or back to the services", show=False
    ),
    Binding("question_mark", "help", "Help", tooltip="This list"),
    Binding("q", "quit", "Quit", tooltip=_QUIT),
    Binding("ctrl+c", "quit", "Quit", tooltip=_QUIT, show=False, priority=True),
)

ACTIONS = tuple(dict.fromkeys(binding.action for binding in _ACTIONS))

BINDINGS: list[BindingType] = [
    *_ACTIONS,
    # Behind each key, for when its action is not available: say why instead of doing nothing.
    *(Binding(binding.key, f"explain('{binding.action}')", show=False) for binding in _ACTIONS),
]


def help_lines(screen: Screen[object], why_not: Callable[[str], str]) -> list[KeyHelp]:
    """Every key that works on this screen now, with its meaning; one that does not, with the reason."""
    keys_by_action: dict[tuple[str, str], list[str]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if not binding.description or binding.action.startswith(("explain", "screen.", "app.", "help_quit")):
            continue
        meaning = binding.tooltip or binding.description
        keys_by_action.setdefault((binding.action, meaning), []).append(_display(screen, key, binding))
    # What the focused panel does comes first, then the rest in the order in which it is written here.
    ordered = sorted(keys_by_action.items(), key=lambda item: _place(item[0][0]))
    return [
        KeyHelp(" ".join(dict.fromkeys(names)), meaning, why_not(action)) for (action, meaning), names in ordered
    ]


def _place(action: str) -> int:
    return ACTIONS.index(action) if action in ACTIONS else -1


def _display(screen: Screen[object], key: str, binding: Binding) -> str:
    return screen.app.get_key_display(Binding(key, binding.action))
