"""Opening an address in a browser that is not this terminal."""

from __future__ import annotations

import webbrowser

from coop_core.errors import CoopError

_IN_THE_TERMINAL = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})


def open_url(url: str) -> None:
    """Blocks until the browser was told. Raises CoopError when there is none, or none with a window of its own."""
    what, remedy = f"cannot open {url}", "press y to copy the URL"
    if not url.startswith(("http://", "https://")):
        raise CoopError(what, "it is no web address", remedy)
    try:
        found = webbrowser.get()
    except webbrowser.Error as error:
        raise CoopError(what, "no browser was found here", remedy) from error
    if getattr(found, "name", "") in _IN_THE_TERMINAL:
        raise CoopError(what, "the only browser here needs this terminal", remedy)
    if not found.open(url):
        raise CoopError(what, "the browser did not start", remedy)
