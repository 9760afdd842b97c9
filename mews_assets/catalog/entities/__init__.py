"""The rows of the catalog: one module per group of Mews' entities, and the columns they share (`shapes`)."""
