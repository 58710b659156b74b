"""The decision: windows, and what a call does next."""
