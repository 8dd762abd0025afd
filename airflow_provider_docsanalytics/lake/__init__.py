"""Exports read back: the catalog of a lake, and the audit that proves it.

Nothing here sends a request to a service, or writes to the lake.
"""
