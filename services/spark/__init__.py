"""The service spark: service.py declares it."""
