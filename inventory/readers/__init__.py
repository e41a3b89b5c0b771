"""Readers: each yields the typed rows, and the refused ones, of one kind of file."""
