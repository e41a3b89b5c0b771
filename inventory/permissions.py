"""Who may see and load the inventory."""

from people.states import Role


def can_see_inventory(user) -> bool:
    """Administrators, control owners, and system owners for their own sources."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER, Role.SYSTEM_OWNER)


def can_manage_sources(user) -> bool:
    """Create and change sources."""
    return user.has_role(Role.ADMINISTRATOR)


def can_load(user) -> bool:
    """Load snapshots."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_describe(user) -> bool:
    """Open the page on which rights are described: anybody who may own one. A mere auditor, who is independent, does not."""
    return user.roles != [Role.AUDITOR.value]
