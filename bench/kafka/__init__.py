"""What SKP's three brokers do beside the same three started by hand."""
