"""Decision. Pure: no I/O, no clock, no SDK; the same inputs always give the same plan."""
