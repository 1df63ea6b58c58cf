"""What `coop proxy` does before it serves."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import asyncio, resource, sys
from pathlib import Path
from coop_core.errors import CoopError
from coop_core.proxy import standalone
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
none = Path("/dev/null")
try:
    asyncio.run(standalone.serve(
        host="127.0.0.1", port=0, cert_file=none, key_file=none, kubeconfig=Path(sys.argv[1]),
    ))
except CoopError as error:
    print(error.remedy)
soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
print(soft == hard or soft > 64)
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: x, user: {token: x}}]
"""


def test_it_takes_all_the_descriptors_there_are_and_says_what_is_wrong_with_its_certificate(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(config)], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.splitlines() == ["give both as PEM files with --tls-cert and --tls-key", "True"]
