"""What does the stand-in do once it has booted? For tests and the demo only.

It runs in the live system with Debian's or Ubuntu's own Python, PyYAML and jsonschema, and imports nothing
else of Rekindle.
"""
