"""Builders: a snapshot in, an image reference with digest out."""
