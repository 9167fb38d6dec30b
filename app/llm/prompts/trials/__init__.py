"""Tests of prompts: cases and examples put to a model, or to replies recorded before, and what is right of them.

NAME.cases.jsonl -> Case -> Answers (a model | recorded) -> Taken -> failures -> report, side by side
"""
