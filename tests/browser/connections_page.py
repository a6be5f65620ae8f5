"""Page object for Airflow's page of connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Locator, expect

from tests.browser.visitors import Visitor

_EXTRA_FIELDS = "Extra Fields"


@dataclass(frozen=True, slots=True)
class ConnectionsPage:
    """
    The page *Admin, Connections*.

    :param visitor: The user of the page.
    """

    visitor: Visitor

    @property
    def form(self) -> Locator:
        """The dialog for one connection."""
        return self.visitor.page.get_by_role("dialog")

    def open(self) -> None:
        """Open the page."""
        self.visitor.go("connections")

    def begin(self, connection_id: str) -> None:
        """Open the form for a new connection of type ``seedance``."""
        self.visitor.page.get_by_role("button", name="Add Connection").click()
        self.form.get_by_label("Connection ID").fill(connection_id)
        self.form.get_by_role("combobox").fill("seedance")
        self.visitor.page.get_by_role("option", name="Seedance (GPTProto)").click()
        expect(self.form.get_by_label("API key")).to_be_visible()

    def edit(self, connection_id: str) -> None:
        """Open the form for an existing connection."""
        self._row(connection_id).get_by_role("button", name="Edit Connection").click()
        expect(self.form.get_by_label("API key")).to_be_visible()

    def fill(self, fields: Mapping[str, str]) -> None:
        """Fill in standard fields, by their labels."""
        for label, value in fields.items():
            self.form.get_by_label(label).fill(value)

    def open_extra_fields(self) -> None:
        """Open the section of the form with the extra fields of the connection type."""
        self.form.get_by_role("button", name=_EXTRA_FIELDS, exact=True).click()
        expect(self.extra_field("Vendor segment")).to_be_visible()

    def extra_field(self, label: str) -> Locator:
        """Return the input of an extra field; Airflow does not link every input to its label."""
        return self.extra_row(label).locator("input")

    def extra_row(self, label: str) -> Locator:
        """Return an extra field with its label and its help text."""
        return self.form.get_by_role("group").filter(has_text=label)

    def fill_extras(self, fields: Mapping[str, str]) -> None:
        """Fill in extra fields, by their labels."""
        self.open_extra_fields()
        for label, value in fields.items():
            self.extra_field(label).fill(value)
            self.extra_field(label).blur()

    def save(self) -> None:
        """Save, and wait until the form is closed."""
        self.form.get_by_role("button", name="Save").click()
        expect(self.form).to_be_hidden()

    def add(self, connection_id: str, fields: Mapping[str, str]) -> None:
        """Create a connection."""
        self.begin(connection_id)
        self.fill(fields)
        self.save()

    def test(self, connection_id: str) -> str:
        """Press *Test*, and return the text of the notification."""
        self._row(connection_id).get_by_role("button", name="Test Connection").click()
        # The notification disappears after two seconds, so read its whole text at once.
        toast = self.visitor.page.locator("[data-scope=toast][data-part=root]").filter(has_text="Test Connection")
        text: str = toast.inner_text()
        return text

    def _row(self, connection_id: str) -> Locator:
        return self.visitor.page.get_by_role("row").filter(has_text=connection_id)
