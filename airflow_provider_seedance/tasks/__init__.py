"""The work of a task on a worker: submit, wait, store, report."""
