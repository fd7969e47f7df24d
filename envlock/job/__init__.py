"""What runs inside a job: `require()`, which lets a program start only where its lock holds.

It ships in the agent's zipapp with the rooms that judge (`envlock.observe.carried`), so it and all that it
imports runs on Python 3.8 with nothing installed.
"""
