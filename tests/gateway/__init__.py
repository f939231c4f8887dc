"""The gateway: this store's API on an engine, the twin or a real one."""
