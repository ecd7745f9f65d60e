"""Carrying out steps: the only package that changes a node."""
