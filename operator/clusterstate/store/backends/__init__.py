"""One file or folder per system that a store can lie in. They know nothing of each other.

Each folder has `rules` (which variables its credentials consist of, pure) and an opener that `open` calls; whatever
loads an SDK is imported there and nowhere before.
"""
