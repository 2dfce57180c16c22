"""What people do with ClusterStates of a Kubernetes cluster: look, ask for a run, pause, and go back."""
