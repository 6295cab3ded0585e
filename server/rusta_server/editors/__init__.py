"""What editors need of Rusta besides the server; found by `rusta editor`."""
