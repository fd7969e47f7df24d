"""Conda packages of a manifest: channels by name, solved by py-rattler for each platform, and what each
archive holds.

1  tell      which virtual packages a platform has: the manifest says, this machine is never asked
2  solve     one run for each platform, strict channel priority
3  look      into each archive: the digest of its paths, the Python distributions that it brings
4  judge     the CUDA that came against the one asked for; packages that write over one another
"""
