"""How commands sign in: with the token of a program, so that nobody's name is used who is not there."""

from pathlib import Path

from django.core.management.base import CommandError

from certify.lib import clock
from people import rules
from people.actions import tokens
from people.models import ApiToken


def add_token_file(parser) -> None:
    """The option that names the file with the token."""
    parser.add_argument("--token-file", type=Path, required=True, help="file that holds the token and nothing else")


def signed_in(path: Path, scope: str) -> ApiToken:
    """The token of the file. Refuses one that does not hold now, or is for something else."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The token cannot be read: {error}") from error
    token = ApiToken.objects.filter(sha256=rules.token_hash(text)).first()
    if token is None or not token.is_good(clock.now()):
        raise CommandError("This token is unknown, revoked or has ended.")
    if scope not in token.scopes:
        raise CommandError(f"This token is not for {scope}.")
    tokens.noticed(token=token, by=token)
    return token
