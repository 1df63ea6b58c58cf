"""The one package that runs git.

Every call goes through `runner.Git` with an argument list of our own. Functions here are synchronous; callers
on an event loop use `asyncio.to_thread`.
"""
