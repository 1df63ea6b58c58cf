"""The local platform as a process: `python -m coop_core.platform`, started by `control.up`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, NoReturn

import msgspec

from coop_core.errors import CoopError, ExitCode, of_system
from coop_core.paths import Home
from coop_core.platform.control import Failure, Greeting
from coop_core.platform.serving import Options, Second, serve

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.platform import record as records


LOG_LIMIT_BYTES = 5 * 1024 * 1024


def main() -> NoReturn:
    parser = argparse.ArgumentParser(prog="python -m coop_core.platform")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--until-stdin-closes", action="store_true")
    given = parser.parse_args()
    home = Home.from_environment()
    options = Options(port=given.port, user=given.user, until_stdin_closes=given.until_stdin_closes)
    try:
        _log_to(home.platform / "platform.log")
        asyncio.run(serve(home, options, _greet))
    except Second:
        _say(Greeting(is_second=True))
        sys.exit(ExitCode.BUSY)
    except CoopError as error:
        _give_up(error)
    except OSError as error:
        _give_up(of_system("cannot start the local platform", error))
    sys.exit(0)


def _log_to(path: Path) -> None:
    """Standard error is left for what kills the interpreter; it is read by whoever started this."""
    file = RotatingFileHandler(path, maxBytes=LOG_LIMIT_BYTES, backupCount=1)
    logging.basicConfig(
        level=logging.INFO, handlers=[file], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _give_up(error: CoopError) -> NoReturn:
    _say(Greeting(failure=Failure(error.what, error.why, error.remedy, int(error.exit_code))))
    sys.exit(error.exit_code)


def _greet(record: records.Record) -> None:
    _say(Greeting(record=record))


def _say(greeting: Greeting) -> None:
    """The one line on standard output; from then on nobody reads there."""
    try:
        os.write(1, msgspec.json.encode(greeting) + b"\n")
    except BrokenPipeError:
        return
    os.dup2(2, 1)


if __name__ == "__main__":
    main()
