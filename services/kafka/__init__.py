"""The service kafka: service.py declares it."""
