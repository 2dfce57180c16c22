"""Files of a store in a directory, and back: what `clusterstate export`, `import` and `adopt` do."""
