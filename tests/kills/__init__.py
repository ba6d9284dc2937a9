"""kill -9 at seeded moments: afterwards no leave is lost and no event doubled, unasked for or made anew."""
