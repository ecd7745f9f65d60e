"""What is wrong with a machine, and what to do about it; changes nothing.

Allowed imports: the rooms connectors, model and config of cluster. Begin reading at findings.py,
which judges the facts that probe.sh prints on each node and preflight.py collects.
"""
