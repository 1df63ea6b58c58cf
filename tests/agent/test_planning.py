from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coop_core.agent import planning, refreshing
from coop_core.agent.actions import (
    ChangeApplication,
    CreateApplication,
    CreateNamespace,
    DeleteApplication,
    DeleteNamespace,
    MarkNamespace,
)
from coop_core.agent.planning import Plan, plan
from coop_core.agent.refreshing import Asked
from coop_core.agent.seen import Branch, GitView
from coop_core.cluster import labels
from coop_core.git.branches import named_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Raw

NOW_S = 1_800_000_000.0
URL, OTHER = "https://git.example.org/a.git", "https://git.example.org/b.git"


def branch(environment: str, *folders: str, url: str = URL) -> Branch:
    return Branch(url, environment, "c" * 40, folders)


def view(*branches: Branch, unread: str = "") -> GitView:
    return GitView(branches, frozenset({unread} if unread else ()), frozenset({URL, OTHER}))


def planned(git: GitView, applications: Iterable[Raw], namespaces: Iterable[Raw], now_s: float = NOW_S) -> Plan:
    return plan(git, applications, namespaces, now_s)


def space(name: str, *, ours: bool = True) -> Raw:
    marks = {labels.MANAGED_BY: "coop", labels.ENVIRONMENT: name} if ours else {}
    return {"metadata": {"name": name, "labels": marks}}


def app(environment: str, service: str, url: str = URL) -> Raw:
    return planning.application(branch(environment, service, url=url), service)


def test_everything_in_step_needs_nothing() -> None:
    done = planned(view(branch("main", "web")), [app("main", "web")], [space("main")])
    assert (done.actions, done.problems) == ((), ())


def test_a_new_branch_makes_the_namespace_before_its_applications() -> None:
    first, second = planned(view(branch("dev-ada", "web")), [], []).actions
    assert isinstance(first, CreateNamespace)
    assert isinstance(second, CreateApplication)


def test_what_git_no_longer_has_goes_and_the_namespace_follows_once_it_is_empty() -> None:
    assert planned(view(), [app("dev-ada", "web")], [space("dev-ada")]).actions == (
        DeleteApplication("dev-ada-web"),
    )
    assert planned(view(), [], [space("dev-ada")]).actions == (DeleteNamespace("dev-ada"),)
    ending = app("dev-ada", "web")
    ending["metadata"]["deletionTimestamp"] = "now"
    assert planned(view(), [ending], [space("dev-ada")]).actions == ()


def test_main_and_what_is_not_coops_is_never_deleted() -> None:
    theirs = app("dev-ada", "web")
    theirs["metadata"]["labels"] = {}
    assert (
        planned(view(), [theirs], [space("main"), space("dev-bob", ours=False), space("kube-system")]).actions == ()
    )


def test_nothing_is_deleted_while_a_repository_cannot_be_read() -> None:
    apps, spaces = [app("dev-ada", "web")], [space("dev-ada"), space("dev-bob")]
    assert planned(view(unread=URL), apps, spaces).actions == ()
    assert planned(view(unread=OTHER), apps, spaces).actions == (DeleteApplication("dev-ada-web"),)


def test_an_application_of_a_repository_that_is_not_configured_stays() -> None:
    assert planned(view(), [app("dev-ada", "web", "https://elsewhere/x.git")], [space("dev-ada")]).actions == ()


def test_of_two_repositories_with_one_service_the_holder_keeps_it_and_the_other_is_told() -> None:
    both = view(branch("main", "web"), branch("main", "web", url=OTHER))
    made = planned(both, [], [space("main")])
    (action,) = made.actions
    assert isinstance(action, CreateApplication)
    assert planning.repository_of(action.body) == URL
    assert OTHER in made.problems[0]
    kept = planned(both, [app("main", "web", OTHER)], [space("main")])
    assert kept.actions == ()
    assert URL in kept.problems[0]


def test_a_holder_that_cannot_be_read_loses_nothing_to_another_repository() -> None:
    there, holds = view(branch("main", "web", url=OTHER), unread=URL), [app("main", "web")]
    assert planned(there, holds, [space("main")]).actions == ()
    (taken,) = planned(view(branch("main", "web", url=OTHER)), holds, [space("main")]).actions
    assert isinstance(taken, ChangeApplication)


def test_a_changed_application_is_put_right_and_defaults_are_left_alone() -> None:
    present = app("main", "web")
    present["spec"]["source"]["directory"] = {"recurse": False}
    assert planned(view(branch("main", "web")), [present], [space("main")]).actions == ()
    present["spec"]["source"]["targetRevision"] = "main"
    present["metadata"]["finalizers"] = []
    (action,) = planned(view(branch("main", "web")), [present], [space("main")]).actions
    assert isinstance(action, ChangeApplication)
    assert action.patch["spec"]["source"]["targetRevision"] == "refs/heads/env/main"
    assert action.patch["metadata"]["finalizers"] == [labels.ARGO_FINALIZER]


def test_a_namespace_that_is_not_coops_is_not_deployed_to() -> None:
    made = planned(view(branch("dev-ops", "web")), [], [space("dev-ops", ours=False)])
    assert made.actions == ()
    assert "kubectl label namespace dev-ops" in made.problems[0]


@pytest.mark.parametrize("folder", ["Web", "a b", "..", "-x", "x" * 64, "a/b", "$(id)", "\x1b[2J", "a_b", "\u00e5"])
def test_a_folder_that_is_no_dns_label_is_ignored_and_told_in_printable_words(folder: str) -> None:
    made = planned(view(branch("main", folder)), [], [space("main")])
    assert made.actions == ()
    assert all(problem.isprintable() for problem in made.problems)
    assert made.problems or folder.startswith(".")


@pytest.mark.parametrize(
    ("ref", "environment"),
    [
        ("refs/heads/env/main", "main"),
        ("refs/heads/env/dev-ada", "dev-ada"),
        ("refs/heads/env/kube-system", None),
        ("refs/heads/env/argocd", None),
        ("refs/heads/env/dev-", None),
        ("refs/heads/env/dev-Ada", None),
        ("refs/heads/env/dev-ada/x", None),
        ("refs/heads/env/dev-" + "x" * 60, None),
        ("refs/heads/main", None),
        ("refs/tags/env/main", None),
    ],
)
def test_only_main_and_personal_environments_are_known(ref: str, environment: str | None) -> None:
    assert named_by(ref) == environment


def test_a_login_in_a_url_does_not_reach_the_application() -> None:
    assert planning.public_url("https://bot:secret@git.example.org/a.git") == URL
    assert planning.public_url("ssh://git:secret@h/a.git") == "ssh://git@h/a.git"
    for url in ("git@git.example.org:a.git", "ssh://git@h/a.git", "/srv/git/a.git", "file:///srv/a.git", URL):
        assert planning.public_url(url) == url


def at(revision: str, finished: str = "") -> Raw:
    operation = {"finishedAt": finished} if finished else {}
    return {"metadata": {"name": "x"}, "status": {"sync": {"revision": revision}, "operationState": operation}}


def test_a_refresh_is_asked_at_once_then_with_growing_pauses_until_the_commit_is_there() -> None:
    assert refreshing.due_in_s(at("old"), "new", None, 100) == 0
    asked = refreshing.noted(at("old"), "new", None, 100)
    assert refreshing.due_in_s(at("old"), "new", asked, 100.4) == pytest.approx(0.6)
    again = refreshing.noted(at("old"), "new", asked, 101)
    assert refreshing.due_in_s(at("old"), "new", again, 101) == 2
    assert refreshing.due_in_s(at("new"), "new", again, 200) is None
    assert refreshing.due_in_s(at("old"), "new", Asked("new", 0, times=20), 0) == refreshing.LONGEST_WAIT_S


def test_a_newer_commit_and_an_operation_that_ended_are_asked_for_at_once() -> None:
    asked = refreshing.noted(at("old"), "new", None, 100)
    assert refreshing.due_in_s(at("old"), "newer", asked, 100) == 0
    assert refreshing.due_in_s(at("old", "12:00"), "new", asked, 100) == 0


def test_each_request_changes_the_object_even_if_the_last_is_unanswered() -> None:
    first, second = refreshing.patch(100.0), refreshing.patch(100.001)
    assert first != second
    assert first["metadata"]["annotations"][labels.ARGO_REFRESH] == "normal"


def ending(in_s: float, environment: str = "dev-ada", url: str = URL) -> Branch:
    return Branch(url, environment, "c" * 40, ("web",), NOW_S + in_s)


def expired_space(at: str = "2027-01-15T07:59:59Z") -> Raw:
    body = space("dev-ada")
    body["metadata"]["annotations"] = {labels.EXPIRED: at}
    return body


def test_an_environment_that_has_not_expired_is_as_any_other() -> None:
    assert planned(view(ending(+1)), [app("dev-ada", "web")], [space("dev-ada")]).actions == ()


def test_an_expired_environment_loses_its_applications_keeps_its_namespace_and_says_so() -> None:
    made = planned(view(ending(-1)), [app("dev-ada", "web")], [space("dev-ada")]).actions
    mark = MarkNamespace("dev-ada", {"metadata": {"annotations": {labels.EXPIRED: "2027-01-15T07:59:59Z"}}})
    assert made == (mark, DeleteApplication("dev-ada-web"))
    assert planned(view(ending(-1)), [], [expired_space()]).actions == ()


def test_a_newer_commit_brings_an_expired_environment_back() -> None:
    mark, create = planned(view(ending(+1)), [], [expired_space()]).actions
    assert mark == MarkNamespace("dev-ada", {"metadata": {"annotations": {labels.EXPIRED: None}}})
    assert isinstance(create, CreateApplication)


def test_nothing_is_made_for_an_environment_that_expired_long_ago() -> None:
    assert planned(view(ending(-1)), [], []).actions == ()


def test_an_environment_of_two_repositories_expires_in_each_by_itself() -> None:
    both = view(ending(-1), branch("dev-ada", "api", url=OTHER))
    made = planned(both, [app("dev-ada", "web"), app("dev-ada", "api", OTHER)], [space("dev-ada")])
    assert made.actions == (DeleteApplication("dev-ada-web"),)


def test_nothing_expires_while_its_repository_cannot_be_read() -> None:
    made = planned(view(ending(-1), unread=URL), [app("dev-ada", "web")], [space("dev-ada")])
    assert made.actions == ()
