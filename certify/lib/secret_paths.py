"""Addresses that open something to whoever has them stay out of logs: links to set a password, and to object to a removal."""

import logging
import re

LINKS = re.compile(r"(/password/set/[^/\s]+/|/removals/object/)[^/\s\"?]+")


def hidden(text: str) -> str:
    """The text with dots for what makes such an address secret."""
    return LINKS.sub(r"\1•••", text)


class HideLinks(logging.Filter):
    """Of what the program logs; Django names the address of every request that it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through, without secrets."""
        said = record.getMessage()
        if (shown := hidden(said)) != said:
            record.msg, record.args = shown, ()
        return True
