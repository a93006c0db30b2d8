"""Query strategies: which candidates should be labeled next."""
