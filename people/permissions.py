"""Who may see and manage people and mail."""

from django.conf import settings

from ledger.actors import SYSTEM
from people.states import Role


def can_manage_people(by) -> bool:
    """Administrators, and Certify itself: its commands and the demo."""
    return by is SYSTEM or by.has_role(Role.ADMINISTRATOR)


def can_provision(by) -> bool:
    """Whoever may launch a campaign makes sign-ins for the reviewers it chooses."""
    return by is SYSTEM or by.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_invite_auditors(by) -> bool:
    """Control owners make sign-ins for auditors, with that role and no other; administrators make everybody's."""
    return can_manage_people(by) or by.has_role(Role.CONTROL_OWNER)


def can_set_password(by, person) -> bool:
    """Only the person: an administrator who could choose a password could decide in somebody's name."""
    return by is SYSTEM or by.pk == person.pk


def can_set_hours(by, person) -> bool:
    """Only the person: nobody else decides when somebody is left in peace."""
    return by == person


def can_set_language(by, person) -> bool:
    """Only the person."""
    return by == person


def must_use_second_factor(person) -> bool:
    """Whoever holds a role of which CERTIFY_TWO_FACTOR_ROLES asks it."""
    return person.has_role(*settings.CERTIFY_TWO_FACTOR_ROLES)


def can_use_second_factor(by, person) -> bool:
    """Only the person sets it up, uses it, renews it."""
    return by.pk == person.pk and person.is_active


def can_reset_second_factor(by, person) -> bool:
    """Administrators, for others who lost it; never their own, which their recovery codes are for."""
    return can_manage_people(by) and by != person


def can_deactivate(by, person) -> bool:
    """Administrators, but not themselves."""
    return person.is_active and can_manage_people(by) and by != person


def can_reactivate(by, person) -> bool:
    """Administrators; nobody comes back who was erased."""
    return not person.is_active and not person.erased_at and can_manage_people(by)


def can_erase(by, person) -> bool:
    """Administrators, whoever does not sign in any more."""
    return not person.is_active and not person.erased_at and can_manage_people(by)


def can_send_link(by, person) -> bool:
    """Administrators send a link to active people who have a mail address."""
    return person.is_active and bool(person.email) and can_manage_people(by)


def can_see_mails(user) -> bool:
    """Administrators run the mail; control owners must know that their reminders arrived."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_retry_mail(user, mail) -> bool:
    """Those who see a mail that was given up may have it tried again."""
    return mail.state == "failed" and can_see_mails(user)


def can_see_retention(user) -> bool:
    """Administrators and control owners answer for what is kept; auditors read it."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER, Role.AUDITOR)


def can_set_retention(user) -> bool:
    """Administrators."""
    return user.has_role(Role.ADMINISTRATOR)


def can_place_hold(user) -> bool:
    """Administrators and control owners."""
    return user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER)


def can_release_hold(user, hold) -> bool:
    """Whoever may place one, but never the one they placed themselves."""
    return can_place_hold(user) and hold.by_id != user.pk


def can_manage_tokens(user) -> bool:
    """Administrators connect programs."""
    return user.has_role(Role.ADMINISTRATOR)
