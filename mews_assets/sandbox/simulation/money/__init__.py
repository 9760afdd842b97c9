"""What it costs: bills, payments, outlets and the ledger of a simulated hotel."""
