"""Query strategies: which candidates should be labelled next."""
