"""Verbalising: rows and passages become text in which every figure and statement has its source."""
