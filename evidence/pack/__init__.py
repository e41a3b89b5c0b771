"""The evidence pack: what is in it, how it is written, always the same bytes for the same period and checkpoint."""
