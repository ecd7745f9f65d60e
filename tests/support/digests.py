"""Digests for tests: of the form that real ones have, and told apart by a word."""

from __future__ import annotations

import hashlib


def digest(word: str) -> str:
    """Return the digest that stands for a word."""
    return f"sha256:{hashlib.sha256(word.encode()).hexdigest()}"
