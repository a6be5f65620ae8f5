"""One try of a task that copies videos to object storage, with the files beside them."""
