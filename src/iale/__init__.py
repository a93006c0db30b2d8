"""Active learning by imitating active-learner ensembles."""
