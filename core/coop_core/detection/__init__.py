"""What a repository says of itself: files in, findings with reasons out, and a `coop.yaml` made of them."""
