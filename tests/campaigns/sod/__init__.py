"""Duties that must be apart."""
