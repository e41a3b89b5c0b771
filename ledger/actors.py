"""Who acts when nobody is signed in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """An actor that is not a person. Anything with `actor_ref()` and `signed_as` can act; people name themselves in it by a
    commitment, {"id", "person"}: see `ledger.persons`.
    """

    id: str
    name: str
    email: str = ""

    def actor_ref(self) -> dict[str, str]:
        """How the ledger names this actor."""
        return {"id": self.id, "name": self.name, "email": self.email}

    @property
    def signed_as(self) -> str:
        """The name that tables keep with what this actor did."""
        return self.name


SYSTEM = Actor("system", "Certify")
