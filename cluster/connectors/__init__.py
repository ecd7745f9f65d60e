"""How a node is reached: SSH or this machine, commands and the Engine API."""
