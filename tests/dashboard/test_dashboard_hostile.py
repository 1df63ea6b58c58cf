"""Text that attacks the terminal is shown as text, on the screen and in what really reaches a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.dashboard.dashboard_kit import dashboard, screen_text, shows
from tests.dashboard.hostile_dashboard import ATTACKS, hostile_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.dashboard.hostile_dashboard"]
COLOURS = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")
FORBIDDEN = ("\x1b]0;", "\x1b]52;", "EVIL-TITLE", "RVZJTA", "\x1bP+q", "\x9b", "\x9c", "\u202e", "\u2066", "\x00")


async def test_hostile_text_reaches_the_screen_without_its_sequences() -> None:
    app = dashboard(hostile_cluster())
    async with app.run_test(size=(160, 40)) as pilot:
        screen = await shows(app, "✗ Degraded", "log safe", "[/bold][red]markup")
        assert not any(attack in screen for attack in FORBIDDEN)
        assert not any(ord(char) < 32 for char in screen.replace("\n", ""))
        await pilot.press("e")
        await shows(app, "warning", "safe")
        await pilot.press("question_mark", "escape", "slash", *"[/b]", "enter")
        assert not any(attack in screen_text(app) for attack in FORBIDDEN)
        assert "EVIL" not in app.export_screenshot()


def test_no_color_means_no_colour() -> None:
    assert not COLOURS.search(_on_a_terminal(PROGRAM, NO_COLOR="1"))


def test_nothing_hostile_reaches_a_real_terminal_and_q_restores_it() -> None:
    seen = _on_a_terminal(PROGRAM)
    text = seen.decode("utf-8", "replace")
    assert COLOURS.search(seen)
    assert "what is shown may be old" in text
    assert "[/bold][red]markup" in text
    assert not [attack for attack in FORBIDDEN if attack in text]
    assert not [attack for attack in ATTACKS if "\x1b" in attack and attack in text]
    # The alternate screen is left, the cursor is back.
    assert text.rindex("\x1b[?1049l") > text.rindex("\x1b[?1049h")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def _on_a_terminal(command: list[str], **more: str) -> bytes:
    """What `command` writes to a terminal until it has shown the stale cluster and was told to quit."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **more}
        os.execve(command[0], command, environ)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    seen = _read(terminal, lambda seen: b"may be old" in seen)
    os.write(terminal, b"q")
    seen += _read(terminal, lambda _: False)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return seen


def _read(terminal: int, enough: Callable[[bytes], bool]) -> bytes:
    """Reads until `enough`, or the end."""
    seen, give_up_s = b"", time.monotonic() + 15
    while not enough(seen) and time.monotonic() < give_up_s:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says so when the program has closed its end
            return seen
        if not data:
            return seen
        seen += data
    return seen
