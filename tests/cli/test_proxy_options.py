from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from coop_tui.commands import proxy

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = ("--oidc-issuer", "https://login.example.com")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (ISSUER, "give --oidc-audience too"),
        (("--oidc-audience", "coop"), "give --oidc-issuer too"),
        (("--oidc-username-claim", "login"), "give --oidc-issuer and --oidc-audience too"),
        (
            (*ISSUER, "--oidc-audience", "coop", "--oidc-groups-prefix", "coop:"),
            "--oidc-groups-claim; give that too",
        ),
    ],
)
def test_a_part_of_the_oidc_options_is_refused_with_what_is_missing(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    pem = tmp_path / "tls.pem"
    pem.touch()
    result = CliRunner().invoke(proxy.command, ["--tls-cert", str(pem), "--tls-key", str(pem), *options])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
