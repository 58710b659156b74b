"""What to know of a config before it is shipped: findings, and differences."""
