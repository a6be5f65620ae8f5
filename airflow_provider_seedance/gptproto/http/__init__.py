"""HTTP beneath the client: transports, rate limit, and downloads. The only folder that imports httpx."""
