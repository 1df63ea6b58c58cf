"""The process runtime: pods as child processes, their probes, logs and ends."""
