"""How programs sign in to the API: `Authorization: Bearer certify_…`."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from certify.lib import clock
from people import rules
from people.actions import tokens
from people.models import ApiToken

WRONG = "This token is unknown, revoked or has ended. An administrator makes a new one."


class TokenAuthentication(BaseAuthentication):
    """The token is the user of the request. Sessions of browsers open nothing here, so that no page can call the API in somebody's name."""

    def authenticate(self, request):
        """The token and itself; None without a header. Refuses what is not a token that holds now, always in the same words."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        text = words[1].decode("ascii", "replace") if len(words) == 2 else ""
        token = ApiToken.objects.filter(sha256=rules.token_hash(text)).first()
        if token is None or not token.is_good(clock.now()):
            raise AuthenticationFailed(WRONG)
        tokens.noticed(token=token, by=token)
        return token, token

    def authenticate_header(self, request) -> str:
        """What a request without a token is told to bring."""
        return 'Bearer realm="Certify"'
