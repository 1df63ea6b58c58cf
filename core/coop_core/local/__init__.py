"""The local platform: a Kubernetes-shaped API, its controllers and a process runtime, on loopback."""
