"""What is known of images on disk."""

from __future__ import annotations

import pytest

from coop_core.build.images import in_source
from tests.growth import assert_in_proportion

ROOT = f"/home/ada/.cache/coop/images/{'a1' * 32}/rootfs"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f'  File "{ROOT}/hello/app.py", line 3, in <module>', '  File "hello/app.py", line 3, in <module>'),
        (f"    at run ({ROOT}/index.js:3:7)", "    at run (index.js:3:7)"),
        (f"{ROOT}/main.py:1: warning", "main.py:1: warning"),
        (f"    at file://{ROOT}/index.mjs:3:7", "    at index.mjs:3:7"),
        (f"from {ROOT}/a.py to {ROOT}/b.py", "from a.py to b.py"),
        ("GET /rootfs/x HTTP/1.1", "GET /rootfs/x HTTP/1.1"),
        ("/images/short/rootfs/x", "/images/short/rootfs/x"),
    ],
)
def test_files_in_an_image_are_named_as_in_the_services_folder(line: str, shown: str) -> None:
    assert in_source(line) == shown


@pytest.mark.parametrize("piece", ["(/a", "=/a", " /a", "/a", "(", "'/"])
def test_the_cost_of_a_hostile_line_grows_with_its_length_alone(piece: str) -> None:
    assert_in_proportion(in_source, piece, end="/rootfs/")
