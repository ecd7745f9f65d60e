"""lab.*: the practice cluster on this machine."""

from __future__ import annotations

from invoke import Collection

ns = Collection("lab")
