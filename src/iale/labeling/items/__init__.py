"""The samples of a project: how they are identified, read and shown."""
