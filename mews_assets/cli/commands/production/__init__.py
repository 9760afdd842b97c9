"""Subcommands for deployments on several machines."""
