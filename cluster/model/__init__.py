"""The values everything speaks of: what is wanted, what was found, what is to be done."""
