"""The fault scorecard: faults made on purpose in real environments, and changes that must raise no alarm.

    python -m benchmarks.faults [--cases 200] [--seed 1] [--json FILE] [--markdown FILE]

scene.py      what a fault may touch        environments.py   real environments, and copies of them
faults.py     what must be found            harmless.py       what must stay silent
images.py     both, for images              peers.py          what other tools say of the same environment
scorecard.py  one run, and its table
"""
