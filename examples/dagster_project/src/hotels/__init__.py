"""A Dagster project of a hotel group, with Mews data among its own assets."""
