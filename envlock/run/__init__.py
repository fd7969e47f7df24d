"""Runs that leave receipts, and the search for the package that changed a result."""
