"""Where rules of custom kinds run: a process of its own, so that no rule can hang or fill the platform."""
