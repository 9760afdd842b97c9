"""Sensors that ask Mews.

sensor_texts       what a sensor says: its description, and why it launches nothing
exports            one per exported table: submit, poll, fire a run
pages              one per operation read by pages
discovery          partition sets filled from what the connections see
abandoned_exports  the event for partitions that are no longer asked for
"""
