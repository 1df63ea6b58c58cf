from __future__ import annotations

from tests.git.conftest import first_scene, own_settings, scene

__all__ = ["first_scene", "own_settings", "scene"]
