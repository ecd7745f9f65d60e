"""What SKP's Spark does beside the same Spark run directly on the nodes."""
