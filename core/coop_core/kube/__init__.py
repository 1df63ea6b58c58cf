"""Reading and writing a Kubernetes API: who we are to it, single requests, and watches that never end."""
