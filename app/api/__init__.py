"""The HTTP interface: one file per endpoint, typed wire values, one function from errors to responses."""
