"""The process engine: diagrams, tokens, decisions, forms, calendars, history. It knows no people and no HTTP."""
