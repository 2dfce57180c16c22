"""The only door to the Kubernetes API. Knows objects, not clusters of kops; foreign exceptions stop here."""
