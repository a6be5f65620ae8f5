"""The user accounts: one for each role, and a viewer without access to one DAG."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A user account."""

    name: str
    role: str

    @property
    def password(self) -> str:
        """Password of the test account."""
        return f"password of {self.name}"


ADMIN = Account("alice", "admin")
OPERATOR = Account("oscar", "op")
VIEWER = Account("vera", "viewer")
RESTRICTED = Account("stan", "viewer")
ACCOUNTS = (ADMIN, OPERATOR, VIEWER, RESTRICTED)
