"""What runs on the target: standard library only, Python 3.8 or newer, imports nothing outside itself.

The lock side imports it too, so that both sides compute digests with the same code. Files are read
with `os` and plain strings: a start-up of 20 ms is part of the contract of `verify`.
"""
