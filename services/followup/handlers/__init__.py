"""One file per use case, named by what happens."""
