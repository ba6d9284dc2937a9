"""Speed and scale, measured by hand with `make bench`; never part of the tests."""
