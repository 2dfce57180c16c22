"""Deeds. Carries a plan out in order and remembers what was applied."""
