"""Nodes, pods, cold starts, routing, draining, scraping: all of the cluster but the autoscaler."""
