"""Dagster on several machines.

celery_launcher   runs on Celery workers, with a check of their health that sees killed ones
health            whether a process is well: what a container's probe asks
"""
