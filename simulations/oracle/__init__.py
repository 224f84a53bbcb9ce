"""Perfect foresight: the cheapest schedule that could be found, and what no schedule can undercut."""
