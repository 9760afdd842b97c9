"""Alerts: one message when something fails, and one when it is resolved.

The parts, in reading order:
    incidents    facts in, incidents opened and resolved out
    wording      the text of a message
    forms        a message as Slack, Teams and others show it
    outbox       the messages, how many per hour, and which target has received each
    state        all of it as one file, replaced as a whole
    delivery     one message to one address, through Apprise

Nothing here imports Dagster: `defs.alerts.facts` turns events into facts, `defs.alerts.sensor` is the sensor.
"""
