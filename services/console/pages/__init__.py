"""The pages: each reads, renders and answers."""
