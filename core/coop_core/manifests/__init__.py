"""Rendering: a service spec and an image in, Kubernetes manifests out. Pure and deterministic."""
