"""The service portainer: service.py declares it."""
