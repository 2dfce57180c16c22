"""Reviews: what differs between two states, and what would have to be written to one to become the other."""
