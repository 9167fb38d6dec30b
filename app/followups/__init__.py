"""Follow-up questions: what a session remembers, and how a question that leans on it becomes a whole one."""
