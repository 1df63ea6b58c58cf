from __future__ import annotations

import json

from click.testing import CliRunner

from coop_core.spec.schema import json_schema
from coop_tui.commands import schema


def test_it_prints_the_schema_and_its_help_has_the_line_for_editors() -> None:
    assert json.loads(CliRunner().invoke(schema.command, []).output) == json_schema()
    shown = CliRunner().invoke(schema.command, ["--help"]).output
    assert "  # yaml-language-server: $schema=.coop-schema.json\n" in shown
