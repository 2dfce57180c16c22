"""Bytes. Knows keys and bytes at a URL; knows nothing of clusters."""
