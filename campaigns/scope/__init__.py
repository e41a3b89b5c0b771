"""Which access a campaign asks about, as data: its form, its words, its SQL."""
