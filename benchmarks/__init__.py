"""
Measurements of what waiting costs, side by side with what one would do instead.

Not part of the package.
"""
