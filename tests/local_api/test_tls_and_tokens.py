"""The platform's own certificate and tokens."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from coop_core.errors import CoopError
from coop_core.local import tls
from coop_core.local.tokens import API_AUDIENCE, Identity, Tokens

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_certificate_is_made_once_and_found_again(tmp_path: Path) -> None:
    first = tls.ensure(tmp_path / "tls")
    before = first.cert_file.read_bytes()
    assert tls.ensure(tmp_path / "tls") == first
    assert first.cert_file.read_bytes() == before


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    certificate = tls.ensure(folder)
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.glob("*.key")} == {0o600}
    assert b"PRIVATE" not in certificate.ca_file.read_bytes() + certificate.cert_file.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "ca.key", "server.crt", "server.key"]


def test_the_certificate_names_this_machine_and_passes_strict_checks(tmp_path: Path) -> None:
    certificate = tls.ensure(tmp_path)
    served = x509.load_pem_x509_certificate(certificate.cert_file.read_bytes())
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1", "::1"]
    for name in ("localhost", "127.0.0.1", "::1"):
        handshake(certificate, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate, "evil.example")


def handshake(certificate: tls.Certificate, name: str) -> None:
    """A TLS handshake in memory, checked as strictly as Python can."""
    client_context = certificate.client_context()
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = certificate.server_context().wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_a_damaged_or_lost_key_is_replaced_and_clients_need_no_new_authority(tmp_path: Path) -> None:
    certificate = tls.ensure(tmp_path)
    authority = certificate.ca_file.read_bytes()
    for damage in (b"", b"garbage", None):
        if damage is None:
            certificate.key_file.unlink()
        else:
            certificate.key_file.write_bytes(damage)
        tls.ensure(tmp_path)
        handshake(certificate, "localhost")
    assert certificate.ca_file.read_bytes() == authority


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    certificate, other = tls.ensure(tmp_path / "a"), tls.ensure(tmp_path / "b")
    certificate.cert_file.write_bytes(other.cert_file.read_bytes())
    certificate.key_file.write_bytes(other.key_file.read_bytes())
    tls.ensure(tmp_path / "a")
    handshake(certificate, "localhost")


def test_a_certificate_is_renewed_a_month_before_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "SERVER_DAYS", 20)
    certificate = tls.ensure(tmp_path)
    monkeypatch.undo()
    tls.ensure(tmp_path)
    renewed = x509.load_pem_x509_certificate(certificate.cert_file.read_bytes())
    assert renewed.not_valid_after_utc - datetime.now(UTC) > timedelta(days=300)


def test_a_token_is_made_once_and_survives_a_restart(tmp_path: Path) -> None:
    tokens = Tokens.ensure(tmp_path)
    ada = Identity("ada", audiences=("coop-proxy",))
    token = tokens.token_for(ada)
    assert tokens.token_for(ada) == token
    assert tokens.token_for(Identity("ada")) != token
    again = Tokens.ensure(tmp_path)
    assert again.token_for(ada) == token
    assert again.identify(token) == ada
    assert again.identify(token[:-1]) is None
    assert again.identify("") is None
    assert Identity("x").audiences == (API_AUDIENCE,)
    assert mode(tmp_path / "tokens.json") == 0o600


def test_a_revoked_user_has_no_token_after_a_restart_either(tmp_path: Path) -> None:
    tokens = Tokens.ensure(tmp_path)
    token = tokens.token_for(Identity("ada"))
    tokens.revoke("ada")
    assert tokens.identify(token) is None
    assert Tokens.ensure(tmp_path).identify(token) is None


def test_damaged_tokens_are_told_without_quoting_them(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text('[{"token": "coop_canary", "identity": 3}]')
    with pytest.raises(CoopError) as caught:
        Tokens.ensure(tmp_path)
    assert "canary" not in f"{caught.value} {caught.value.remedy}"
    assert caught.value.remedy.startswith("delete ")
