"""People label: a project is a folder with a journal of labels, from which everything else is read or computed."""
