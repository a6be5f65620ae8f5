"""Transfers from the service to where files are kept."""
