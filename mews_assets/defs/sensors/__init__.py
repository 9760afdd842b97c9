"""Sensors that ask Mews.

skip_reasons       what a sensor says when it launches nothing
exports            one per exported table: submit, poll, fire a run
pages              one per operation read by pages
discovery          partition sets filled from what the connections see
abandoned_exports  the event for partitions that are no longer asked for
"""
