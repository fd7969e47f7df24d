"""What newer Pythons and small libraries offer, for the rooms that judge inside the zipapp.

`envlock.observe.carried` writes their imports so that they find it here: `dataclasses`, `enum`,
`functools`, `tomli`, `packaging`. Nothing else uses these modules.
"""
