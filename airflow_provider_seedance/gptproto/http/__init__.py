"""HTTP: transports, rate limit, and resumable downloads. Only modules of this package import httpx."""
