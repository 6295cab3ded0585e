"""One adapter for each external tool; adapters do not know each other."""
