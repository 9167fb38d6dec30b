"""Planning: a question in plain language becomes a typed plan, or a reason why not."""
