"""The cases of make_fixtures.py, one module a file; `case` is what they share."""
