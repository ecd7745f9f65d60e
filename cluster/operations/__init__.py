"""One type per operation: what is to be done on a node, and how it is carried out.

Allowed imports: cluster.errors and the rooms facts, lock, model, connectors and config. Begin
reading at base.py (what an operation is), then container.py and executor.py, which carries them out
in waves.
"""
