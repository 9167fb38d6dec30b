"""Prompts: files with front matter, versions by what they send, labels that point at versions, and their tests.

    app/prompts/NAME.md + .examples.jsonl -> Version -> Prompt -> Outgoing
    ANSWERABLE_PROMPTS (an override)  ----^        label --^

Only this package constructs an `Outgoing`.
"""

from app.llm.prompts.held import Prompts, labels_of, open_prompts
from app.llm.prompts.prompt import Prompt
from app.llm.prompts.version import Version

__all__ = ["Prompt", "Prompts", "Version", "labels_of", "open_prompts"]
