"""Changing what stands in the lake as a whole.

change_policy    all tables rewritten under another privacy policy
expire_captures  raw bytes older than MEWS_LANDING_DAYS removed
"""
