"""A small web program. Change the message, save, and look at the URL again."""

MESSAGE = "Hello from coop"
