"""Report. Turns the outcome of a run into status, conditions and Events; writes only what changed."""
