"""What a `kill -9` leaves behind: real commands, killed at random points of their work.

    python -m benchmarks.kills [--times N] [--minutes M] [--seed N] [--only lock,sync,…] [--json FILE]

Each kill is SIGKILL to the whole process group (uv with it), at a random point between the command's start
and the time that it takes undisturbed. The process that starts the commands has envlock's modules loaded
and forks: the interpreter's start, in which nothing is written, is no part of the kill's window. What is
left is read by code that is not envlock's where that is possible: bytes, hashes, JSON.
"""
