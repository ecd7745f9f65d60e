"""Asking nodes and registries what is there; changes nothing."""
