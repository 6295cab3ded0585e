"""Policy and the order of steps: knows neither LSP, nor SQL, nor subprocesses."""
