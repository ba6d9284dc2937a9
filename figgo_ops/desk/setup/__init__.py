"""What a customer's administrator is given: one page, and a script for each calendar of the tenant."""
