"""`mews-assets sandbox`: the sandbox's own command."""

from mews_assets.sandbox.command import add_arguments, run

__all__ = ["add_arguments", "run"]
