"""The proxy beside `kubectl proxy`: requests for one pod, 500 watchers, and a list of 10,000 pods."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
from timing import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
CONNECTIONS = 32
WATCHERS = 500
LOAD_S = 3.0
HERE = Path(__file__).parent
POD = "/api/v1/namespaces/main/pods/web"
WATCH = "/api/v1/namespaces/main/pods?watch=true&resourceVersion=0"
LIST = "/api/v1/namespaces/main/pods"


def start(stack: ExitStack, *command: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def python(stack: ExitStack, module: str, *arguments: str) -> subprocess.Popen[str]:
    return start(stack, sys.executable, "-m", f"proxying.{module}", *arguments)


def kubectl_proxy(stack: ExitStack, server: str) -> tuple[subprocess.Popen[str], int]:
    process = start(stack, "kubectl", "proxy", "--port=0", f"--server={server}", "--kubeconfig=/dev/null")
    found = re.search(r":([0-9]+)$", line(process))
    assert found, "kubectl proxy did not start"
    return process, int(found[1])


def load(what: str, port: int, path: str, count: int, tls: str = "") -> Any:
    with ExitStack() as stack:
        client = python(stack, "clients", what, str(port), path, "ada", str(count), str(LOAD_S), tls)
        assert client.stdout is not None
        return json.load(client.stdout)


def resident_mb(process: subprocess.Popen[str]) -> float:
    return float(psutil.Process(process.pid).memory_info().rss / 1e6)


def in_turns(sides: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 else reversed(list(sides)):
            found[name].append(sides[name]())
    return found


def gets(stack: ExitStack, folder: str) -> None:
    upstream = f"http://127.0.0.1:{line(python(stack, 'platform'))}"
    coop, secured = (python(stack, "serving", role, folder, upstream, "own") for role in ("plain", "tls"))
    ports = {"coop proxy": int(line(coop)), "coop proxy, TLS": int(line(secured))}
    kubectl, port = kubectl_proxy(stack, upstream)
    for name, tls in (("coop proxy", ""), ("coop proxy, TLS", "tls")):
        load("get", ports[name], POD, 1, tls)
    found = in_turns(
        {
            "coop proxy": lambda: load("get", ports["coop proxy"], POD, CONNECTIONS),
            "kubectl proxy": lambda: load("get", port, POD, CONNECTIONS),
            "coop proxy, TLS": lambda: load("get", ports["coop proxy, TLS"], POD, CONNECTIONS, "tls"),
            "the platform itself": lambda: load("get", int(upstream.rpartition(":")[2]), POD, CONNECTIONS),
        }
    )
    print(f"\nGET of one pod, {CONNECTIONS} connections; medians of {ROUNDS} rounds of {LOAD_S:.0f} s\n")
    print(f"{'':22} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}")
    rates = {name: median(one["per_s"] for one in rounds) for name, rounds in found.items()}
    p99 = {name: median(percentile(one["taken_s"], 99) for one in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        p50 = median(percentile(one["taken_s"], 50) for one in rounds)
        print(f"{name:22} {rates[name]:8.0f} {p50 * 1000:8.2f} {p99[name] * 1000:8.2f}")
    print(f"coop serves {rates['coop proxy'] / rates['kubectl proxy']:.2f} times the requests, ", end="")
    print(f"at {p99['coop proxy'] / p99['kubectl proxy']:.2f} times the p99")
    print(f"resident: coop {resident_mb(coop):.0f} MB, kubectl proxy {resident_mb(kubectl):.0f} MB")


def watches(stack: ExitStack, folder: str) -> None:
    upstream = f"http://127.0.0.1:{line(python(stack, 'platform'))}"
    coop = int(line(python(stack, "serving", "plain", folder, upstream, "own")))
    _, kubectl = kubectl_proxy(stack, upstream)

    def side(port: int) -> dict[str, Any]:
        with ExitStack() as inner:
            client = python(inner, "clients", "watch", str(port), WATCH, "ada", str(WATCHERS), str(LOAD_S), "")
            time.sleep(3)
            with urllib.request.urlopen(f"{upstream}/watches") as answer:
                open_ = int(answer.read())
            assert client.stdout is not None
            return {**json.load(client.stdout), "watches": open_}

    found = in_turns({"coop proxy": lambda: side(coop), "kubectl proxy": lambda: side(kubectl)})
    print(f"\n{WATCHERS} watchers, 10 events a second; age of an event when a client has it\n")
    print(f"{'':22} {'p50 ms':>8} {'p99 ms':>8} {'events':>8} {'watches upstream':>18}")
    p99 = {}
    for name, rounds in found.items():
        p99[name] = median(percentile(one["ages_s"], 99) for one in rounds)
        p50 = median(percentile(one["ages_s"], 50) for one in rounds)
        events, open_ = median(len(one["ages_s"]) for one in rounds), max(one["watches"] for one in rounds)
        print(f"{name:22} {p50 * 1000:8.1f} {p99[name] * 1000:8.1f} {events:8.0f} {open_:18}")
    print(f"coop's p99 is {p99['coop proxy'] / p99['kubectl proxy']:.2f} times that of kubectl proxy")
    print("(with kubectl proxy the platform writes to each watcher itself; with coop it writes once)")


def lists(stack: ExitStack, folder: str) -> None:
    import ssl

    api = python(stack, "serving", "api", folder)
    port, token, ada = int(line(api)), line(api), line(api)
    coop = python(stack, "serving", "tls", folder, f"https://127.0.0.1:{port}", token)
    proxied = int(line(coop))
    trusting = ssl._create_unverified_context()

    def ask(where: int, bearer: str, accept: str) -> float:
        headers = {"Authorization": f"Bearer {bearer}", "Accept": accept}
        asked = urllib.request.Request(f"https://127.0.0.1:{where}{LIST}", headers=headers)
        started_s = time.perf_counter()
        with urllib.request.urlopen(asked, context=trusting) as answer:
            size = len(answer.read())
        assert size > 1_000_000, size
        return time.perf_counter() - started_s

    plain, table = "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"
    cold_mb = resident_mb(coop)
    first_s = ask(proxied, ada, plain)
    ask(port, token, plain)
    time.sleep(1)
    before = {"API server": resident_mb(api), "coop proxy": resident_mb(coop)}
    print("\nlist of 10,000 pods, both over TLS; medians\n")
    for form, accept in (("objects", plain), ("a table", table)):
        found = in_turns(
            {"proxy": lambda a=accept: ask(proxied, ada, a), "api": lambda a=accept: ask(port, token, a)}  # type: ignore[misc]
        )
        proxy_s, api_s = median(found["proxy"]), median(found["api"])
        print(f"{form:10} coop proxy {proxy_s * 1000:6.0f} ms, API server {api_s * 1000:6.0f} ms: ", end="")
        print(f"{proxy_s / api_s:.2f} times as long")
    time.sleep(1)
    for name, process in (("API server", api), ("coop proxy", coop)):
        after = resident_mb(process)
        print(f"{name:10} {before[name]:.0f} MB before, {after:.0f} MB after: {after / before[name] - 1:+.0%}")
    print(f"the proxy's first list, which fills its cache: {first_s:.2f} s; resident before that {cold_mb:.0f} MB")


def main() -> None:
    chosen = sys.argv[1:] or ["gets", "watches", "lists"]
    for name, part in (("gets", gets), ("watches", watches), ("lists", lists)):
        if name in chosen:
            with ExitStack() as stack:
                part(stack, stack.enter_context(tempfile.TemporaryDirectory(prefix="coop-bench-")))


if __name__ == "__main__":
    main()
