"""The record of a submission (idempotency): written before it is sent, and read by the next try."""
