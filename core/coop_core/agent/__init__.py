"""The agent: keeps applications in step with the environment branches in Git."""
