"""`coop demo`: the whole path once, on a platform of its own, every claim observed over HTTP."""
