"""Wrong files and what is said about them; see README.md."""
