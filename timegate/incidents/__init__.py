"""Histories of incidents, and the faults and fits that are made of them."""
