"""Quantities: "500m", "1.5Gi"."""

from __future__ import annotations

import re
from fractions import Fraction

from coop_core.cluster.schemas.rules.library.declared import Misuse, Opaque, can, members, ordered, plain

QUANTITY = "kubernetes.Quantity"

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE]?)|[eE](?P<exponent>[+-]?[0-9]{1,3}))"
)
_SUFFIXES = {
    "": Fraction(1),
    **{one: Fraction(1000) ** power for one, power in zip("numkMGTPE", (-3, -2, -1, *range(1, 7)), strict=True)},
    **{f"{one}i": Fraction(1024) ** power for power, one in enumerate("KMGTPE", 1)},
}
_LONGEST = 128


def quantity(text: str) -> Fraction:
    """Raises Misuse."""
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        raise Misuse("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    scale = Fraction(10) ** int(found["exponent"]) if found["exponent"] else _SUFFIXES[found["suffix"]]
    return Fraction(found["number"].rstrip(".")) * scale


def _is_whole(amount: Fraction) -> bool:
    return amount.denominator == 1 and -(2**63) <= amount < 2**63


def _whole(amount: Fraction) -> int:
    if not _is_whole(amount):
        raise Misuse("cannot convert value to integer")
    return int(amount)


def _approximately(amount: Fraction) -> float:
    try:
        return float(amount)
    except OverflowError:
        return float("inf") if amount > 0 else float("-inf")


TYPES = (Opaque(QUANTITY, Fraction),)
FUNCTIONS = (
    plain("quantity", ("string",), QUANTITY, quantity),
    plain("isQuantity", ("string",), "bool", can(quantity)),
    plain("sign", (QUANTITY,), "int", lambda amount: (amount > 0) - (amount < 0)),
    *members(QUANTITY, "bool", {"isInteger": _is_whole}),
    *members(QUANTITY, "int", {"asInteger": _whole}),
    *members(QUANTITY, "double", {"asApproximateFloat": _approximately}),
    *(
        one
        for other in (QUANTITY, "int")
        for one in members(QUANTITY, QUANTITY, {"add": Fraction.__add__, "sub": Fraction.__sub__}, other)
    ),
    *ordered(QUANTITY),
)
