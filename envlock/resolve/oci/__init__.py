"""Container images where they lie: in a registry, in a layout on disk, in an archive of `docker save`."""
