"""Alerts: somebody is told, once, that something is wrong, and once more when it is right again.

The parts, in reading order:
    incidents    facts in, incidents opened and resolved out
    wording      what a message says
    outbox       which messages there are, how many an hour, and who has had each
    state        all of it as one file, replaced whole: nothing is ever half saved
    delivery     one message to one address, through Apprise

Nothing here knows Dagster: `defs.alert_facts` turns events into facts, `defs.alerts` is the sensor.
"""
