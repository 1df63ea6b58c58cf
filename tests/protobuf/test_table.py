"""The table of fields: complete, and what Kubernetes' own programs have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coop_core.cluster import kinds
from coop_core.cluster.conversions import VIEWS
from coop_core.cluster.kinds import Kind
from coop_core.cluster.protobuf import knows, name_of, table
from coop_core.cluster.protobuf.leaves import LEAVES
from tests.protobuf import values

ROOT = Path(__file__).parents[2]
PLAIN = {"bool", "int32", "int64", "float64", "string", "[]byte"}


def test_every_kind_is_in_it_but_those_that_are_never_protobuf() -> None:
    missing = {kind for kind in (*kinds.ALL, *VIEWS) if (name := name_of(kind)) is None or not knows(name)}
    assert missing == {kinds.API_SERVICE, kinds.APPLICATION, kinds.APP_PROJECT}


def test_a_custom_kind_that_is_called_like_another_is_not_mistaken_for_it() -> None:
    theirs = Kind("apps.example.com", "v1", "deployments", "Deployment", is_custom=True)
    assert name_of(kinds.DEPLOYMENT) == "apps/v1.Deployment"
    assert name_of(theirs) is None


def test_every_type_that_it_names_is_known() -> None:
    waiting, seen = {*values.KINDS, *values.REQUESTS}, set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        found = {field.of for field in table.message(name).fields.values()} - PLAIN - LEAVES.keys()
        waiting |= found - seen
    assert len(seen) > 400


def test_it_is_what_kubectl_is_made_of() -> None:
    """kubectl of this machine may be older or newer than the table: what both have must be the same."""
    kubectl = shutil.which("kubectl")
    if kubectl is None or not Path(kubectl).read_bytes().startswith(b"\x7fELF"):
        pytest.skip("there is no kubectl on PATH whose types can be read")
    script = [sys.executable, str(ROOT / "scripts" / "protobuf-fields"), kubectl]
    written = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    theirs, ours = _fields(written), _fields((Path(table.__file__).parent / "fields.txt").read_text("utf-8"))
    renamed = {message for message, _ in ours} - {message for message, _ in theirs}
    both = {key for key in theirs.keys() & ours.keys() if ours[key][1].lstrip("*[]") not in renamed}
    assert len(both) > 1400
    assert {key: theirs[key] for key in both} == {key: ours[key] for key in both}
    assert len(theirs.keys() - both) < 10, "more than what Kubernetes dropped or renamed over the years"


def _fields(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Number and type by message and name. Whether empty ones are omitted changes with the years."""
    found = {}
    for block in text.strip().split("\n\n")[1:]:
        message, *lines = block.splitlines()
        for line in lines:
            number, name, of = line.removesuffix(",omitempty").split(" ")
            found[message, of if name == "-" else name] = number, of
    return found
