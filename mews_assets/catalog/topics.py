"""The pages of the documentation of tables: their titles, and the tables on each.

Not here: what is written about a table (`document`).
"""

TOPICS = {
    "stays": (
        "Stays",
        (
            "reservations",
            "reservation_groups",
            "source_assignments",
            "reservation_source_assignments",
            "companionships",
            "service_order_notes",
        ),
    ),
    "availability": (
        "Availability",
        (
            "availability_adjustments",
            "availability_blocks",
            "resource_blocks",
            "restrictions",
            "service_availability",
        ),
    ),
    "revenue": ("Revenue", ("order_items", "product_service_orders", "outlet_items", "outlet_bills")),
    "money": (
        "Money",
        (
            "payments",
            "bills",
            "ledger_entries",
            "ledger_balances",
            "cashier_transactions",
            "payment_requests",
        ),
    ),
    "accounts": (
        "Accounts",
        (
            "customers",
            "companies",
            "account_notes",
            "addresses",
            "credit_cards",
            "loyalty_memberships",
            "identity_documents",
        ),
    ),
    "enterprises": ("Enterprises", ("enterprises", "services", "outlets", "configurations", "devices")),
    "spaces": (
        "Spaces",
        (
            "resources",
            "resource_categories",
            "resource_category_assignments",
            "resource_category_image_assignments",
            "resource_features",
            "resource_feature_assignments",
        ),
    ),
    "rates": ("Rates", ("rate_groups", "rates", "business_segments", "age_categories", "sources")),
    "products": ("Products", ("product_categories", "products")),
    "conditions": (
        "Conditions of sale",
        (
            "rules",
            "rule_actions",
            "cancellation_policies",
            "service_overbooking_limits",
            "vouchers",
            "voucher_assignments",
            "voucher_codes",
        ),
    ),
    "agreements": (
        "Agreements",
        ("company_contracts", "billing_automations", "routing_rules", "loyalty_programs", "loyalty_tiers"),
    ),
    "accounting": (
        "Accounting",
        (
            "accounting_categories",
            "cashiers",
            "counters",
            "departments",
            "taxations",
            "tax_rates",
            "tax_environments",
            "currencies",
            "exchange_rates",
        ),
    ),
    "front-desk": ("Front desk", ("tasks", "message_threads")),
    "places": (
        "Places and languages",
        ("countries", "country_subdivisions", "country_rules", "country_groups", "languages"),
    ),
}
"""The pages: a title, and the tables on it. A table that is on none is on the page `more`."""
