"""Talking to a Kubernetes API: configuration, transport, list and watch."""
