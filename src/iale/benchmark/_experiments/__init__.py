"""The experiments of the paper and the controls that it lacks; runs that two of them share are played once."""
