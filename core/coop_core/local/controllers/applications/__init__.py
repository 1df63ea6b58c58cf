"""The Application controller: what Argo CD does for an Application, on the local platform."""
