"""What is certain about generations before they run: refusals, warnings and prices."""
