"""What decides the numbers when the bytes are the same: probes, fingerprints, and the class of a host.

Runs in the target's own Python, with the target's NumPy and torch; nothing else is imported.
"""
