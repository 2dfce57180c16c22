"""Meaning. Turns the bytes of a store into kops objects and back, byte for byte as kops writes them."""
