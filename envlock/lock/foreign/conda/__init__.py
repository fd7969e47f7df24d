"""Locks of conda's tools: conda-lock.yml, pixi.lock, `@EXPLICIT` files, environment.yml with exact pins."""
