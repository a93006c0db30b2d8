"""The benchmark: strategies × seeds on one data set, paired, with statistics that hold for few seeds."""
