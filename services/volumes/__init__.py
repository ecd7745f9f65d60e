"""The service volumes: service.py declares it."""
