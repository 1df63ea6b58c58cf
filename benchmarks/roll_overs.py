"""Requests that fail while versions replace each other: a constant load on a service that is saved again and again.

Beside it, in the same run and under the same load, `uvicorn --reload`, which keeps its socket open while it
restarts and lets what comes wait; so the longest wait of each is printed too.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import threading
import time

from save_to_served import MESSAGE, Contestant, coop, copy_of_sample, new_home, uvicorn, with_asgi

PER_S = 50


class Load:
    """PER_S requests a second at one contestant, each on a connection of its own, late answers or not."""

    def __init__(self, target: Contestant) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.longest_ms = 0.0
        self._target = target
        self._stop = threading.Event()
        self._sender = threading.Thread(target=self._send)
        self._sender.start()

    def _send(self) -> None:
        next_s = time.monotonic()
        asking = []
        while not self._stop.is_set():
            asking.append(threading.Thread(target=self._ask))
            asking[-1].start()
            next_s += 1 / PER_S
            time.sleep(max(0.0, next_s - time.monotonic()))
        for thread in asking:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=10)
        started_s = time.perf_counter()
        try:
            connection.request("GET", "/", headers={"Host": self._target.host})
            answer = connection.getresponse()
            answer.read()
            self.outcomes["answered" if answer.status == 200 else f"HTTP {answer.status}"] += 1
        except (OSError, http.client.HTTPException) as error:
            self.outcomes[type(error).__name__] += 1
        finally:
            connection.close()
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - started_s) * 1000)

    def end(self) -> None:
        self._stop.set()
        self._sender.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, environ, port = new_home(stack)
        mine, theirs = copy_of_sample(folder, "sample"), copy_of_sample(folder, "rival")
        with_asgi(theirs, for_coop=False)
        for contestant in (coop(stack, mine, "sample", environ, port), uvicorn(stack, theirs, "rival")):
            contestant.wait_for(MESSAGE, moved_from=None)
            load = Load(contestant)
            for number in range(given.rounds):
                contestant.play(number)
            load.end()
            failed = sum(load.outcomes.values()) - load.outcomes["answered"]
            told = ", ".join(f"{count} {outcome}" for outcome, count in load.outcomes.most_common())
            print(
                f"{contestant.name}: {given.rounds} roll-overs, {failed} requests failed ({told}); "
                f"the longest took {load.longest_ms:.0f} ms"
            )


if __name__ == "__main__":
    main()
