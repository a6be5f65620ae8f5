"""The user accounts: one for each role, and a viewer without access to one DAG."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A user account."""

    name: str
    role: str

    @property
    def password(self) -> str:
        """Password of the test account."""
        return f"password of {self.name}"


ADMIN = Person("alice", "admin")
OPERATOR = Person("oscar", "op")
VIEWER = Person("vera", "viewer")
STRANGER = Person("stan", "viewer")
PEOPLE = (ADMIN, OPERATOR, VIEWER, STRANGER)
