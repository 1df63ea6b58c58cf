"""What the dashboard shows, as plain data: events in, one frozen state, rows out.

Knows no terminal and does no I/O, but for `sources.py`, which brings the events.
"""
