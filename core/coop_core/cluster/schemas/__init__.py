"""Structural schemas: what they leave of an object, what they fill in, what they refuse. Pure.

A schema is a map as OpenAPI v3 writes one, with Kubernetes' own extensions. The same code serves the built-in
kinds, whose schemas are many and refer to one another, and custom kinds, whose schema is one and whole.
Source: Kubernetes apiextensions-apiserver, pkg/apiserver/schema.
"""

from coop_core.cluster.schemas.checking import mistakes
from coop_core.cluster.schemas.shaping import completed, pruned

__all__ = ["completed", "mistakes", "pruned"]
