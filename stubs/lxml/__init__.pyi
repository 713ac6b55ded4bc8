"""The part of lxml this product uses; the library carries no types of its own."""
