"""Labels looked at again: which are doubtful, where people disagree, and what somebody decides about them."""
