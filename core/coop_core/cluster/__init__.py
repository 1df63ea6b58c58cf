"""Pure views of Kubernetes objects: kinds, health, rollout, what counts as live."""
