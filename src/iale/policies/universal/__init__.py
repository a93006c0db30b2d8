"""The universal policy: for every classifier, number of classes and data set."""
