"""The embedded stack: real PostgreSQL and Valkey from Python wheels, and the supervisor of `manage.py up`."""
