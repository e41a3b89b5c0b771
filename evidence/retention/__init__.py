"""How long things are kept: what each kind holds, and what a rule would delete of it."""
