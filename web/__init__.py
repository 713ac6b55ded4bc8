"""HTTP: pages and JSON. The only package, with app.py, that imports Flask."""
