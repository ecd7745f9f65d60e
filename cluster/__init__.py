"""The engine: it reads what is wanted, sees what is there, plans, and applies. Knows no service."""
