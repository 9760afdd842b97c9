"""Dagster on several machines.

celery_launcher      runs on Celery workers, with a check of their health that sees killed ones
exporter             what stands in the lake and in Dagster, as metrics for Prometheus
health               whether a process is well: what a container's probe asks
kubernetes_launcher  runs as Kubernetes jobs, with a check of their health that a silent API does not fail
"""
