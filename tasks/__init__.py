"""Human tasks: people and their work. It knows no HTTP."""
