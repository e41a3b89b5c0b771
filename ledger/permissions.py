"""Who may read the ledger. It is the ground floor and knows people only as something with `has_role(*roles)`."""

READERS = ("administrator", "control_owner")


def can_see_ledger(user) -> bool:
    """Those who answer for the record: administrators and control owners."""
    return user.has_role(*READERS)


def can_see_checkpoint(user) -> bool:
    """Auditors as well: a checkpoint that they keep is what a log cannot be rewritten behind."""
    return user.has_role(*READERS, "auditor")


def can_keep_cosignatures(user) -> bool:
    """Administrators, who agreed with the witnesses on their keys."""
    return user.has_role("administrator")


def can_rotate_key(user) -> bool:
    """Administrators, who run the installation that keeps the key."""
    return user.has_role("administrator")
