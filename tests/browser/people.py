"""Who logs in: a person for each role, and one who may not see every DAG."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    name: str
    role: str

    @property
    def password(self) -> str:
        """The password, which is no secret here."""
        return f"password of {self.name}"


ADMIN = Person("alice", "admin")
OPERATOR = Person("oscar", "op")
VIEWER = Person("vera", "viewer")
STRANGER = Person("stan", "viewer")
PEOPLE = (ADMIN, OPERATOR, VIEWER, STRANGER)
