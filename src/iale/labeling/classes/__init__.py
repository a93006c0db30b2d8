"""What is done to the classes of a project: rename, merge, remove, describe, and undo that."""
