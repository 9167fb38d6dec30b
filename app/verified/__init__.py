"""Verified queries: approved question -> SQL pairs, used for the same question with other values.

    add      question + SQL -> validate -> run -> align literals with spans -> state.db
    answer   question -> the same words? -> new literals in the syntax tree -> validate -> run -> word

Nothing here reads SQL out of a question: what varies is a stored value, a number or a period, put into the tree as a
literal where the approved statement has one.
"""
