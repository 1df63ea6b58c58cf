from __future__ import annotations

import base64
import json
import socket
import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from coop_core.doctor import platform_checks
from coop_core.doctor.checking import Outcome, Result, Verdict, examine
from coop_core.settings import Cluster, Settings
from tests.doctor.conftest import Answer, Site, on_cluster

if TYPE_CHECKING:
    from coop_core.doctor.case import Case

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def outcomes(case: Case) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in await examine(platform_checks.checks(case))}


async def look(case: Case) -> dict[str, Result]:
    return {name: outcome.result for name, outcome in (await outcomes(case)).items()}


def well(site: Site, user: str = "ada", date: str = "") -> None:
    """The site answers as a proxy does."""
    headers = {"Date": date} if date else {}
    site.answers["/version"] = Answer(200, b'{"gitVersion": "v1.34.1"}', headers)
    body = {"kind": "SelfSubjectReview", "status": {"userInfo": {"username": user}}}
    site.answers[WHO] = Answer(201, json.dumps(body).encode())


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{payload}.c2lnbmF0dXJl"


async def test_a_local_platform_that_is_idle_is_no_failure_and_is_not_started(case: Case) -> None:
    found = await look(replace(case, settings=Settings(port=0)))
    assert {result.verdict for result in found.values()} == {Verdict.SKIPPED, Verdict.PASSED}
    assert found["platform"].says == "it does not run now; coop dev and coop ui start it"
    assert not case.home.platform.exists()


async def test_a_port_that_somebody_else_has_is_told_before_it_hurts(case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = (await look(replace(case, settings=Settings(port=port))))["platform"]
    assert result.says == f"another program has port {port}"
    assert result.mend.startswith("port = 0 in ")


async def test_a_cluster_that_answers_passes(case: Case, site: Site) -> None:
    well(site, date=formatdate(usegmt=True))
    found = await look(on_cluster(case, site.host))
    assert {result.verdict for result in found.values()} <= {Verdict.PASSED, Verdict.SKIPPED}
    assert found["token"].says == "valid for ada; it does not expire"
    assert found["clock"].says == "it agrees with the platform's"
    assert found["versions"].says.endswith("the platform is Kubernetes v1.34.1")
    assert {token for _, _, token in site.asked} == {"Bearer s3cret-token"}


async def test_a_cluster_that_does_not_answer_fails_with_what_to_do(case: Case, site: Site) -> None:
    gone = site.host
    site.close()
    site.__init__()  # type: ignore[misc]  # the fixture closes it once more
    result = (await look(on_cluster(case, gone)))["platform"]
    assert result.verdict is Verdict.FAILED
    assert f"http://{gone} cannot be reached" in result.says
    assert result.mend


async def test_a_kubeconfig_that_is_gone_is_named(case: Case) -> None:
    result = (await look(replace(case, settings=Settings(cluster=Cluster(kubeconfig="/nowhere")))))["platform"]
    assert "the settings name /nowhere" in result.says
    assert result.mend.startswith("get a kubeconfig from whoever runs the platform")


@pytest.mark.parametrize(("iat_s", "exp_s", "verdict", "says"), [
    (-3 * 86400, 5 * 3600, Verdict.PASSED, "valid for ada, 3d old, for another "),
    (-86400, 600, Verdict.FAILED, "and expires in "),
    (-86400, -7200, Verdict.FAILED, "the token expired 120m ago"),
])  # fmt: skip
async def test_a_tokens_age_and_end_are_told(
    case: Case, site: Site, iat_s: int, exp_s: int, verdict: Verdict, says: str
) -> None:
    well(site)
    now_s = int(time.time())
    token = jwt(iat=now_s + iat_s, exp=now_s + exp_s)
    result = (await look(on_cluster(case, site.host, token)))["token"]
    assert result.verdict is verdict
    assert says in result.says
    assert bool(result.mend) == (verdict is Verdict.FAILED)


async def test_a_token_that_the_platform_does_not_know_fails(case: Case, site: Site) -> None:
    well(site)
    site.answers[WHO] = Answer(401, b'{"kind": "Status", "message": "s3cret-token is wrong"}')
    result = (await look(on_cluster(case, site.host)))["token"]
    assert result.says == "the platform does not know the token"
    assert result.mend == "ask whoever runs the platform for a new kubeconfig"


@pytest.mark.parametrize(("ahead_s", "says"), [(-600, "this clock is 10m ahead of"), (600, "this clock is 9m")])
async def test_a_clock_that_is_off_is_told_with_the_side(case: Case, site: Site, ahead_s: int, says: str) -> None:
    well(site, date=formatdate(time.time() + ahead_s, usegmt=True))
    result = (await look(on_cluster(case, site.host)))["clock"]
    assert result.verdict is Verdict.FAILED
    assert result.says.startswith(says)
    assert result.mend == "sudo timedatectl set-ntp true"


@pytest.mark.parametrize("token", ["a.b.c", "..", "x", jwt(iat="x", exp=[]), "a.W10.c", "a.bnVsbA.c"])
async def test_a_token_that_is_no_jwt_or_an_odd_one_is_just_asked_about(case: Case, site: Site, token: str) -> None:
    well(site)
    assert (await look(on_cluster(case, site.host, token)))["token"].says == "valid for ada; it does not expire"


async def test_a_hostile_platform_gets_no_word_onto_the_terminal_unclean(case: Case, site: Site) -> None:
    well(site, user="\x1b[2Jada\u202e", date="\x01")
    site.answers["/version"].body = json.dumps({"gitVersion": "v1\x1b]0;x\x07" + "x" * 9999}).encode()
    found = await look(on_cluster(case, site.host))
    assert all(result.says.isprintable() and len(result.says) <= 300 for result in found.values())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"status": 5}', b"\xff", b"[" * 9999])
async def test_nonsense_from_the_platform_ends_in_a_result(case: Case, site: Site, body: bytes) -> None:
    site.answers = {"/version": Answer(200, body), WHO: Answer(201, body)}
    assert len(await look(on_cluster(case, site.host))) == 5
