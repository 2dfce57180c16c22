"""A real control plane and object stores on this machine, for the tests and the demo."""
