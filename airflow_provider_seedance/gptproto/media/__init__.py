"""Media in a request: wrapped, read from files, recognised by their first bytes."""
