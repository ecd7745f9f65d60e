"""Pure: from what is wanted and what was found to steps."""
