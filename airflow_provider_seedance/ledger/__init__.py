"""The account's ledger in object storage: one entry for each submission, and what a period has cost."""
