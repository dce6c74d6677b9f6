"""The clinic file: what each clinic wants said, when and by whom."""
