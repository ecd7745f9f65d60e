"""The service gateway, the front door: service.py declares it."""
