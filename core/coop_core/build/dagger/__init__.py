"""The dagger builder: a commit in, an image in a registry out, built by a Dagger engine.

Only `engine` and what it loads import the SDK, which costs a second: `builder` loads them in a thread.
"""
