"""The version of the reader: of what seats are told to write, and of how their replies are read."""

READER = 2
"""Raise it whenever a prompt or a format changes what is asked or read. A run is only recounted by its own reader.

`run.json` holds the version with which a run began. 1, or nothing there, is every release up to 0.1.
"""

NOT_RECOUNTED = "recorded with an older reader, not recounted"
