"""The edge to kopf: events in, runs out. Thin, and the only room that knows the framework."""
