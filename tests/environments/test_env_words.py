"""What `coop env` asks and prints, without a repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import pytest

from coop_core.clock import rfc3339
from coop_core.errors import CoopError
from coop_core.git.environments import Environment
from coop_core.git.objects import Commit
from coop_core.settings import Settings, load
from coop_tui.environments import Question, Verb, not_asked, question, render

if TYPE_CHECKING:
    from pathlib import Path

NOW_S = 1_800_000_000.0
VERBS: tuple[Verb, ...] = get_args(Verb)


def environment(name: str, *trailers: str, by: str = "Ada <ada@example.org>") -> Environment:
    text = "\n".join(["deploy", "", "Coop-Service: web", *trailers])
    return Environment(name, Commit("c" * 40, "t" * 40, (), by, 0, int(NOW_S) - 300, text), ("api", "web"))


def test_ones_own_environment_sleeps_and_wakes_without_a_question_and_is_deleted_after_one() -> None:
    assert question("sleep", "dev-ada", "dev-ada", is_shared_meant=False) is None
    assert question("wake", "dev-ada", "dev-ada", is_shared_meant=False) is None
    asked = question("delete", "dev-ada", "dev-ada", is_shared_meant=False)
    assert asked == Question("delete dev-ada and everything in it?")


@pytest.mark.parametrize("verb", VERBS)
def test_somebody_elses_environment_is_asked_about(verb: Verb) -> None:
    asked = question(verb, "dev-bob", "dev-ada", is_shared_meant=False)
    assert asked
    assert "which is not yours" in asked.text


@pytest.mark.parametrize("verb", VERBS)
def test_main_is_refused_unless_it_is_meant_and_its_name_is_typed(verb: Verb) -> None:
    with pytest.raises(CoopError) as caught:
        question(verb, "main", "dev-ada", is_shared_meant=False)
    assert caught.value.remedy == f"if you mean it: coop env {verb} main --shared"
    asked = question(verb, "main", "dev-ada", is_shared_meant=True)
    assert asked
    assert asked.answer == "main"


def test_without_a_terminal_the_command_that_needs_no_answer_is_told() -> None:
    assert not_asked("delete", "dev-bob").remedy == "coop env delete dev-bob --yes"
    assert not_asked("sleep", "main").remedy == "coop env sleep main --shared --yes"
    assert not_asked("sleep", "a; rm -rf \x1b[2J").remedy == "coop env sleep 'a; rm -rf' --yes"


def test_the_table_says_what_runs_what_sleeps_and_what_has_expired() -> None:
    found = [
        environment("main"),
        environment("dev-ada", f"Coop-Expires: {rfc3339(NOW_S + 6 * 86400)}"),
        environment("dev-bob", "Coop-State: asleep", by="\x1b[2JBob\u202e <b@example.org>"),
        environment("dev-eve", f"Coop-Expires: {rfc3339(NOW_S - 7200)}"),
    ]
    assert render(found, "dev-ada", NOW_S, as_json=False) == (
        "ENVIRONMENT      STATE    SERVICES  DEPLOYED  BY   EXPIRES\n"
        "main             awake    api, web  5m ago    Ada  never\n"
        "dev-ada (yours)  awake    api, web  5m ago    Ada  in 6d\n"
        "dev-bob          asleep   api, web  5m ago    Bob  never\n"
        "dev-eve          expired  api, web  5m ago    Ada  120m ago\n"
    )


def test_json_carries_the_same_with_whole_ids_and_times() -> None:
    (row,) = json.loads(render([environment("dev-ada")], "dev-ada", NOW_S, as_json=True))["environments"]
    assert row == {
        "name": "dev-ada", "state": "awake", "services": ["api", "web"], "is_yours": True, "commit": "c" * 40,
        "deployed": rfc3339(NOW_S - 300), "by": "Ada", "expires": None,
    }  # fmt: skip


def test_nothing_to_list_says_what_to_do() -> None:
    assert "coop dev" in render([], "dev-ada", NOW_S, as_json=False)


def test_the_settings_say_how_long_an_environment_stays(tmp_path: Path) -> None:
    assert Settings().lifetime_s == 7 * 86400
    assert Settings(expires="12h").lifetime_s == 12 * 3600
    assert Settings(expires="never").lifetime_s is None


@pytest.mark.parametrize("text", ["0d", "-1d", "7", "7w", "99999d", "7d\n", ""])
def test_a_lifetime_that_is_none_is_refused_with_the_files_name(text: str, tmp_path: Path) -> None:
    from coop_core.paths import Home

    home = Home.under(tmp_path)
    home.config.mkdir(parents=True)
    home.settings_file.write_text(f"expires = {json.dumps(text)}\n")
    with pytest.raises(CoopError) as caught:
        load(home)
    assert str(home.settings_file) in caught.value.why
