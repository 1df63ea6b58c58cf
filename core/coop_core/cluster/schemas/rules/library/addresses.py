"""IP addresses, networks and URLs."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from coop_core.cluster.schemas.rules.library.declared import Misuse, Opaque, can, members, plain

Address = IPv4Address | IPv6Address
Network = IPv4Interface | IPv6Interface
"""With the bits of a host, which masked() takes off."""

IP, CIDR, URL = "net.IP", "net.CIDR", "kubernetes.URL"
_PREFIX = re.compile(r"[0-9]{1,3}")
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)[^\x00-\x1f\x7f]*")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s\[\]:<>\"^`{|}\\%]*)(?::[0-9]*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def ip(text: str) -> Address:
    """Raises Misuse."""
    try:
        found = ip_address(text)
    except ValueError as error:
        raise Misuse(f'IP Address "{text[:64]}" parse error during conversion from string: {error}') from None
    if "%" in text:
        raise Misuse(f'IP address "{text[:64]}" with zone value is not allowed')
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        raise Misuse(f'IPv4-mapped IPv6 address "{text[:64]}" is not allowed')
    return found


def cidr(text: str) -> Network:
    """Raises Misuse."""
    address, _, prefix = text.partition("/")
    found = ip(address)
    if not _PREFIX.fullmatch(prefix) or (len(prefix) > 1 and prefix[0] == "0") or int(prefix) > found.max_prefixlen:
        raise Misuse(f'network address parse error during conversion from string: "{text[:64]}"')
    return ip_interface(text)


def _as_ip(given: Address | str) -> Address:
    return ip(given) if isinstance(given, str) else given


def _contains_network(outer: Network, inner: Network | str) -> bool:
    found = cidr(inner) if isinstance(inner, str) else inner
    return outer.network.prefixlen <= found.network.prefixlen and _as_ip(str(found.ip)) in outer.network


def _is_global_unicast(address: Address) -> bool:
    is_broadcast = str(address) == "255.255.255.255"
    return not (
        is_broadcast
        or address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
    )


def _is_link_local_multicast(address: Address) -> bool:
    packed = address.packed
    return packed[:3] == b"\xe0\x00\x00" if address.version == 4 else packed[0] == 255 and packed[1] & 15 == 2


def url(text: str) -> SplitResult:
    """An absolute URL or an absolute path. Raises Misuse."""
    try:
        found = urlsplit(text) if _URL.fullmatch(text) else None
        port = found.port if found else None
    except ValueError as error:
        raise Misuse(f"URL parse error during conversion from string: {error}") from None
    if found is None or _BAD_ESCAPE.search(found.path) or not _HOST.fullmatch(_host(found)):
        raise Misuse("URL parse error during conversion from string: invalid URI for request")
    assert port is None or port >= 0
    return found


def _host(found: SplitResult) -> str:
    return found.netloc.rpartition("@")[2]


def _port(found: SplitResult) -> str:
    after = _host(found).rpartition("]")[2]
    return after.partition(":")[2]


def _hostname(found: SplitResult) -> str:
    host = _host(found)
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


TYPES = (
    Opaque(IP, ip_address),
    Opaque(CIDR, ip_interface),
    Opaque(URL, urlsplit, SplitResult.geturl),
)
FUNCTIONS = (
    plain("ip", ("string",), IP, ip),
    plain("isIP", ("string",), "bool", can(ip)),
    plain("ip.isCanonical", ("string",), "bool", lambda text: str(ip(text)) == text),
    plain("string", (IP,), "string", str),
    *members(IP, "int", {"family": lambda address: address.version}),
    *members(
        IP,
        "bool",
        {
            "isUnspecified": lambda address: address.is_unspecified,
            "isLoopback": lambda address: address.is_loopback,
            "isLinkLocalUnicast": lambda address: address.is_link_local,
            "isLinkLocalMulticast": _is_link_local_multicast,
            "isGlobalUnicast": _is_global_unicast,
        },
    ),
    plain("cidr", ("string",), CIDR, cidr),
    plain("isCIDR", ("string",), "bool", can(cidr)),
    plain("string", (CIDR,), "string", str),
    *(
        one
        for other in ("string", IP)
        for one in members(CIDR, "bool", {"containsIP": lambda net, one: _as_ip(one) in net.network}, other)
    ),
    *(
        one
        for other in ("string", CIDR)
        for one in members(CIDR, "bool", {"containsCIDR": _contains_network}, other)
    ),
    *members(CIDR, IP, {"ip": lambda net: net.ip}),
    *members(CIDR, CIDR, {"masked": lambda net: ip_interface(str(net.network))}),
    *members(CIDR, "int", {"prefixLength": lambda net: net.network.prefixlen}),
    plain("url", ("string",), URL, url),
    plain("isURL", ("string",), "bool", can(url)),
    *members(
        URL,
        "string",
        {
            "getScheme": lambda found: found.scheme,
            "getHost": _host,
            "getHostname": _hostname,
            "getPort": _port,
            "getEscapedPath": lambda found: quote(found.path, safe="/%:@!$&'()*+,;=-._~"),
        },
    ),
    *members(
        URL, "map", {"getQuery": lambda found: parse_qs(found.query, keep_blank_values=True, max_num_fields=1000)}
    ),
)
