"""All that a lock needs, in one archive: it installs and verifies where there is no network.

    envlock-bundle/                  the folder in the archive (a bundle may be a folder, too)
      bundle.json                    every other file with its sha256; first, so that one pass is enough
      README.md                      how to use it, with envlock and without
      requirements.txt               for pip and uv (of several platforms: requirements-PLATFORM.txt)
      envlock-agent.pyz              verifies with a Python alone
      project/                       the lock, and the manifest that it was made of
      wheels/  records/              the wheels, and the RECORD of each
      conda/CHANNEL/SUBDIR/          the archives of conda packages, as a channel
      conda/explicit-PLATFORM.txt    for conda and micromamba
      image/                         the base image as an OCI layout

The lock decides what belongs in it, and with which hash; `bundle.json` speaks for the rest.
"""
