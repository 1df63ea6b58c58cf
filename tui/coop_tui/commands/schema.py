"""`coop schema`: what editors need to know of coop.yaml."""

from __future__ import annotations

import json

import click


@click.command()
def command() -> None:
    """Print the JSON Schema of coop.yaml.

    Editors with a YAML language server then complete and check it: save the schema beside the file
    (coop schema > .coop-schema.json) and begin coop.yaml with

    \b
        # yaml-language-server: $schema=.coop-schema.json
    """
    from coop_core.spec.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
