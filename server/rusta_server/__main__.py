"""`python -m rusta_server` is `rusta`."""

from .cli import main

main()
