"""What a task does on a worker: submit, wait, store, report."""
