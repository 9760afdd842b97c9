"""Bills, payments, outlets and the ledger of a simulated hotel."""
