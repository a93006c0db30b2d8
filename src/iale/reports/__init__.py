"""Reports: read records only, never models."""
