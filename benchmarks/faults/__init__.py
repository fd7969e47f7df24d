"""The fault scorecard: faults made on purpose in real environments, and changes that must raise no alarm.

    python -m benchmarks.faults [--cases 200] [--seed 1] [--keep FOLDER] [--json FILE] [--markdown FILE]

scene.py      what a fault may touch        environments.py   real environments, and copies of them
faults.py     what must be found            harmless.py       what must stay silent
images.py     both, for images              dpkg_database.py  what dpkg knows of an image
projects.py   a lock for each other tool    peers.py          what they say of the same environment
cases.py      one case, and the notes       stages.py         where a change is played
scorecard.py  one run                       tables.py         its tables
"""
