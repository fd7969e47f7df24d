"""What a wheel installs, known from parts of it.

identity   one wheel or many: by range requests, or from the whole file
ranges     a remote file that is fetched in pieces, and every way in which a server can fail
contents   the members of a zip, checked and placed        values   RECORD, or the bytes where it lies
entries    the cache of what is known already              wheel    the values
"""
