"""Moves a state from one place to another, and puts the old place away. A way of a run, beside `reconcile`'s own."""
