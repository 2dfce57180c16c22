"""The words shared with users: the resource, its conditions and annotations. Makes the CRD."""
