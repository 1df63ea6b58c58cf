"""Requests that two servers would read in two ways, and ones that cost more than they should."""

from __future__ import annotations

from tests.proxy.attempts.writing import PODS, QUESTION, REVIEWS, get, request, write

_SMUGGLED = f"GET {PODS}/web/exec HTTP/1.1\r\nHost: x\r\n\r\n"
_POST = f"POST {REVIEWS} HTTP/1.1"

CLASSES: dict[str, dict[str, bytes]] = {
    "3.2 lengths": {
        "body on get": request(f"GET {PODS} HTTP/1.1", "Content-Length: 5", body="hello"),
        "request as a body of get": request(
            f"GET {PODS} HTTP/1.1", f"Content-Length: {len(_SMUGGLED)}", body=_SMUGGLED
        ),
        "two lengths": request(_POST, "Content-Length: 2", "Content-Length: 40", body="{}"),
        "the same length twice": request(_POST, "Content-Length: 2", "Content-Length: 2", body="{}"),
        "list of lengths": request(_POST, "Content-Length: 2, 2", body="{}"),
        **{
            f"length {value!r}": request(_POST, f"Content-Length: {value}", body="{}")
            for value in ("+2", "-2", "0x2", "2.0", "2e0", "2 2", "2;a", "", "\u00b2", "1_0", "999999999",
                          "99999999999999999999", "two", "\x0b2")
        },
    },
    "3.2 transfer encodings": {
        **{
            f"{value!r} with a length": request(
                _POST, "Content-Length: 4", f"Transfer-Encoding:{value}", body=f"0\r\n\r\n{_SMUGGLED}"
            )
            for value in (" chunked", "chunked", "\tchunked", " Chunked", " xchunked", " identity",
                          " chunked, identity", " gzip, chunked", " chunked;q=1", ' "chunked"', " \x0bchunked",
                          " chunked\x00", "")
        },
        "chunked alone": request(_POST, "Transfer-Encoding: chunked", body="2\r\n{}\r\n0\r\n\r\n"),
        "chunked on get": request(f"GET {PODS} HTTP/1.1", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
        "chunked twice": request(_POST, *["Transfer-Encoding: chunked"] * 2, body="0\r\n\r\n"),
        "chunked and identity": request(_POST, "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
                                        body="0\r\n\r\n"),
        "huge chunk": request(_POST, "Transfer-Encoding: chunked", body="ffffffffffffffff\r\n"),
        "trailer": request(_POST, "Trailer: Authorization", "Content-Length: 2", body="{}"),
        "space before the colon": request(_POST, "Transfer-Encoding : chunked", "Content-Length: 2", body="{}"),
        "folded": request(_POST, "Transfer-Encoding:\r\n chunked", "Content-Length: 2", body="{}"),
        "underscore": request(_POST, "Transfer_Encoding: chunked", "Content-Length: 2", body="{}"),
    },
    "3.2 lines": {
        "bare line feeds": get(PODS).replace(b"\r\n", b"\n"),
        "one bare line feed": get(PODS, "X-A: b\nImpersonate-User: admin"),
        "bare carriage return": get(PODS, "X-A: b\rImpersonate-User: admin"),
        "header ends in a bare return": get(PODS, "X-A: b\r\r\nX-B: c"),
        "folded header": get(PODS, "X-A: b\r\n Impersonate-User: admin"),
        "folded by a tab": get(PODS, "X-A: b\r\n\tImpersonate-User: admin"),
        "line break in the target": get(f"{PODS}\r\nX-A: b"),
        "empty line first": b"\r\n" + get(PODS),
        "line feed first": b"\n" + get(PODS),
        "space first": b" " + get(PODS),
        "header without a name": get(PODS, ": b"),
        "header without a colon": get(PODS, "Impersonate-User"),
        "space before the colon": get(PODS, "X-A : y"),
        "nul in a value": get(PODS, "X-A: a\x00b"),
        "escape in a value": get(PODS, "X-A: \x1b[2J"),
        "form feed in a value": get(PODS, "X-A: a\x0cb"),
        "latin-1 in the token": request(auth="\u00e4da"),
        "latin-1 in the host": request(host="Host: \u00e4"),
    },
    "3.2 hosts and versions": {
        "two hosts": get(PODS, "Host: y"),
        "the same host twice": get(PODS, "Host: x"),
        "no host": request(host=""),
        "http 1.0": request(f"GET {PODS} HTTP/1.0"),
        "http 0.9": f"GET {PODS}\r\n\r\n".encode(),
        "http 1.2": request(f"GET {PODS} HTTP/1.2"),
        "http 2": request(f"GET {PODS} HTTP/2.0"),
        "http 1.10": request(f"GET {PODS} HTTP/1.10"),
        "http 01.1": request(f"GET {PODS} HTTP/01.1"),
        "lower case http": request(f"GET {PODS} http/1.1"),
        "no version": request(f"GET {PODS}"),
        "two spaces": request(f"GET  {PODS} HTTP/1.1"),
        "tabs": request(f"GET\t{PODS}\tHTTP/1.1"),
        "space at the end": request(f"GET {PODS} HTTP/1.1 "),
        "rtsp": request(f"GET {PODS} RTSP/1.0"),
        "ice": request(f"GET {PODS} ICE/1.0"),
        "a tls hello in plain": b"\x16\x03\x01\x00\xff" * 20,
        "ssh": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
        "redis": b"*1\r\n$4\r\nPING\r\n\r\n",
    },
    "3.2 bodies": {
        "compressed": write("POST", REVIEWS, "Content-Encoding: gzip", body=QUESTION),
        "compressed by deflate": write("POST", REVIEWS, "Content-Encoding: deflate", body=QUESTION),
        "expect": request(_POST, "Expect: 100-continue", "Content-Length: 2", body="{}"),
        "expect on get": get(PODS, "Expect: 100-continue"),
        "expect something else": request(_POST, "Expect: 200-ok", "Content-Length: 2", body="{}"),
        "behind a refused body": get(PODS, "Content-Length: 3") + b"abc" + get(PODS),
        "behind a refused post": request(f"POST {PODS} HTTP/1.1", "Content-Length: 5", body="abcde") + get(PODS),
    },
    "3.2 sizes": {
        "hundreds of headers": get(PODS, *(f"X-{number}: a" for number in range(200))),
        "huge header": get(PODS, "X-A: " + "a" * 60_000),
        "huge header name": get(PODS, "X" * 60_000 + ": a"),
        "huge Accept": get(PODS, "Accept: " + "a;b," * 1000),
        "nothing but spaces": get(PODS, "X-A:" + " " * 40_000 + "\x01"),
        "head without an end": get(PODS, "X-A: " + "a" * 60_000)[:-4],
        "huge target": get("/" + "a" * 60_000),
        "thousands of empty segments": get("/" * 3000),
        "method without an end": b"G" * 60_000,
    },
}  # fmt: skip
