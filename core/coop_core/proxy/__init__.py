"""The read-only API proxy."""
