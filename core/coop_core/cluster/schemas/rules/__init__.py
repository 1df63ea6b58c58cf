"""Rules of custom kinds, `x-kubernetes-validations`: CEL expressions that an object, or a change of one, must meet.

`fields` and `statements` are light; the rest loads the CEL engine, whose own bounds are those of an expression's
depth and of the rounds of its loops. Time and memory it does not bound: `coop_core.local.rules` does.
Source: Kubernetes apiextensions-apiserver, pkg/apiserver/schema/cel.
"""
