"""What an action says when it refuses."""

from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """A refusal in words the person can act on. `code` is for programs, `message` for people."""

    def __init__(self, code: str, message: str):
        self.code = code
        self.message = str(message)  # in the language of whoever acts, which is English for tasks and commands
        super().__init__(self.message)


class NotAllowed(DomainError):
    """The person may not do this."""

    def __init__(self, message: str = _("You may not do this.")):
        super().__init__("not_allowed", message)


class InvalidInput(DomainError):
    """The input is wrong; `field` names the form field or option when there is one."""

    def __init__(self, message: str, field: str | None = None):
        super().__init__("invalid_input", message)
        self.field = field


class Conflict(DomainError):
    """Somebody else changed the same thing meanwhile."""

    def __init__(self, message: str):
        super().__init__("conflict", message)
