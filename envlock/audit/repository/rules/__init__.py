"""Rules by what they are about; each file ends in its `RULES`."""
