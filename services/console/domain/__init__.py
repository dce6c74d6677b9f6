"""Pure decisions of the window: who may do what, what is wrong now, what may be shown."""
