"""`bench/run volumes`: data volumes as a consumer sees them, beside the bare client."""
