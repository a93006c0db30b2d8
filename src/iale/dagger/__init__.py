"""DAgger (Algorithm 1): policies learn from the expert that helped most at each step."""
