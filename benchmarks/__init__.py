"""
Benchmarks: what waiting for a generation costs with this provider and with the alternatives.

Not part of the package.
"""
