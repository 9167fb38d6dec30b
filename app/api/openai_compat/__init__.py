"""The interface of OpenAI's chat completions, for clients that speak it already.

chat.py          POST /v1/chat/completions          models.py        GET /v1/models
conversation.py  which question a transcript asks   background.py    prompts that front ends send unseen
completion.py    an answer as a completion          streaming.py     the same in chunks
"""
