"""What is published: built, installed alone, and looked at from there. To be run with ``make package``."""
