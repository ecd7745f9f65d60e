"""From what is wanted and what was found to the items of a plan: pure functions.

Allowed imports: cluster.errors and the rooms operations, model and config. A plan is made of
operations, which is why it imports them (decision 61); it carries none out and asks no node. Begin
reading at plan.py, then containers.py, which decides whether a container is replaced.
"""
