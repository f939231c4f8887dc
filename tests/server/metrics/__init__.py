"""The metrics: each is moved by something that happens, and the page stands what strangers do."""
