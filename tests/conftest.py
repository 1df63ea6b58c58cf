"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no finding: how long an example takes says nothing about the code here.
settings.register_profile("coop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("coop")
