"""What the proxy's benchmark is made of: a platform that costs next to nothing, processes, and clients."""
