"""Pure building blocks: clock, ids, contact values, send windows, backoff, errors. No I/O."""
