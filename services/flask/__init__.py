"""The service flask, accounts and tokens: service.py declares it."""
