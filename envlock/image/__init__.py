"""Lock -> container image: without a daemon, bit-identical."""
