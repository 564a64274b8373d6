"""The command line: flags in, calls out, text to the terminal. One file per command."""
