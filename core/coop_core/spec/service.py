"""What a service is, and what it is in one environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.spec.building import BuildSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN = "main"


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What differs in one kind of environment. host: "" for `<service>.<environment>.<domain>`."""

    replicas: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    host: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A `coop.yaml`. run: "" leaves the start to the image. health: "" means that an open port is ready."""

    name: str
    run: str = ""
    port: int = 8080
    test: str = ""
    health: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    build: BuildSpec = field(default_factory=BuildSpec)
    main: EnvironmentSpec = field(default_factory=EnvironmentSpec)
    personal: EnvironmentSpec = field(default_factory=EnvironmentSpec)
    needs: tuple[str, ...] = ()
    """Services of the same repository that have to run before this one, and are told to it by variables."""
    ignore: tuple[str, ...] = ()
    """What the dev loop passes over, in the words of a `.gitignore`."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A service in one environment: nothing left to choose but the domain."""

    name: str
    environment: str
    is_personal: bool
    run: str
    port: int
    health: str
    replicas: int
    env: Mapping[str, str]
    host: str
    needs: tuple[str, ...] = ()


def for_environment(spec: ServiceSpec, environment: str) -> Resolved:
    """The values that hold in `environment`: `main`, or a personal one. The environment's `env` wins key by key."""
    own = spec.main if environment == MAIN else spec.personal
    return Resolved(
        name=spec.name,
        environment=environment,
        is_personal=environment != MAIN,
        run=spec.run,
        port=spec.port,
        health=spec.health,
        replicas=own.replicas,
        env={**spec.env, **own.env},
        host=own.host,
        needs=spec.needs,
    )
