"""Who holds the key to a seat: claims, forwarding, agency during absence, and hand-over when somebody leaves."""
