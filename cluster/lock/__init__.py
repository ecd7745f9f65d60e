"""One command at a time changes a cluster."""
