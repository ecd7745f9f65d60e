"""What the tasks run: converge, image commands, restart, logs, status."""
