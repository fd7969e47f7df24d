"""An existing repository -> a manifest: one file per format, one that lists them, one that writes."""
