"""`coop.yaml`: reading it, with line numbers, and what it means."""
