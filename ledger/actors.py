"""Who acts when nobody is signed in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """An actor that is not a user. Anything with `actor_ref() -> {"id", "name", "email"}` can act; users have it too."""

    id: str
    name: str
    email: str = ""

    def actor_ref(self) -> dict[str, str]:
        """How the ledger names this actor."""
        return {"id": self.id, "name": self.name, "email": self.email}


SYSTEM = Actor("system", "Certify")
