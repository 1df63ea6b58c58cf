"""From a service's spec to the files of an environment branch. Pure: the same input gives the same bytes."""

from coop_core.manifests.comparing import is_same_deployment
from coop_core.manifests.rendering import Target, host, render

__all__ = ["Target", "host", "is_same_deployment", "render"]
