"""`coop.yaml` and the resources beside it: read, checked, with every default filled in."""

from coop_core.spec.building import BuildSpec, SecretSource
from coop_core.spec.extras import Extra, parse_extras
from coop_core.spec.reading import FILE_NAME, parse
from coop_core.spec.service import EnvironmentSpec, Resolved, ServiceSpec, for_environment

__all__ = [
    "FILE_NAME",
    "BuildSpec",
    "EnvironmentSpec",
    "Extra",
    "Resolved",
    "SecretSource",
    "ServiceSpec",
    "for_environment",
    "parse",
    "parse_extras",
]
