"""Every experiment of the paper, and the controls that it lacks, each with its claims.

For each experiment, the runs that settle its claims: all strategies of one figure are paired, on the same sub-pools.
Runs that two experiments share are the same runs and are played once.
"""
