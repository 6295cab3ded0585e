"""What was done and why: hash-chained records of every run, and what can be made of them."""
