"""The read-only API proxy: Kubernetes-shaped, default deny, every upstream request built anew."""
