"""The hot loop: a save becomes a running version, through Git."""
