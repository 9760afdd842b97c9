"""Changing the whole lake.

change_policy    all tables written again under another privacy policy
expire_captures  raw bytes older than MEWS_LANDING_DAYS removed
"""
