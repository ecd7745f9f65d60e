"""Accounts and the front door: what these tests are about runs once for all of them."""
