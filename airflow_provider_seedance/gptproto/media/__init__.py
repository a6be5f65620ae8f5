"""Media in a request: wrapping, files, and content sniffing."""
