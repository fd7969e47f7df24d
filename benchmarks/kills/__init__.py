"""What a `kill -9` leaves behind: real commands, killed at random points of their work.

    python -m benchmarks.kills [--times N] [--minutes M] [--seed N] [--only lock,sync,…] [--json FILE]

Each kill is SIGKILL to the whole process group (uv with it). Two of three are met between two changes of the
disk: every call that creates, writes, renames or removes a file stops until it is let through, and before
one that was drawn the group is killed. The others come at a random moment between the command's start and
the time that it takes undisturbed. Up to three kills follow each other on what the last has left; then a run
that nobody disturbs must make it whole. A command is prepared once, and `--json` keeps a line for each kill:
a run that breaks off is gone on with.

The process that starts the commands has envlock's modules loaded and forks: the interpreter's start, in
which nothing is written, is no part of the kill's window. What is left is read by code that is not envlock's
where that is possible: bytes, hashes, JSON.
"""
