"""What starts our containers at boot."""
