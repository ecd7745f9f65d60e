"""Who may push where, and what becomes of a push before it is accepted. Begin at serve.py."""
