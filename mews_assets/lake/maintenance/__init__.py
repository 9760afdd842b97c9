"""Changing the whole lake.

change_policy    all tables written again under another privacy policy
migrate          a lake of an older format brought to the present one
expire_captures  raw bytes older than MEWS_LANDING_DAYS removed
"""
