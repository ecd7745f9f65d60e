"""What a machine gets before it is a node."""
