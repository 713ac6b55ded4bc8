"""Types of the part of SpiffWorkflow this product uses; the library carries none."""
