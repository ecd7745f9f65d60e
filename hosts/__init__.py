"""Preparing machines: what they need beside an engine, each a check and a fix."""
