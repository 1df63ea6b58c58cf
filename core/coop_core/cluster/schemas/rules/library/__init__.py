"""The functions that Kubernetes adds to CEL, by family: how each is declared, and what it does.

The engine brings strings, sets, optional values and loops over two variables; what is not here either, a rule that
uses it does not compile: `format.*`, `includes`, sums of durations, `transformMap`.
Source: Kubernetes apiserver, pkg/cel/library; its environment of version 1.34.
"""
