"""A conda prefix, file by file, against what conda-meta says of it. `full_pass` is the way in."""
