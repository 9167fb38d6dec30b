"""Mail as documents, one for each conversation.

message.py        one message: its headers as needed, its own words without quotes and signature
conversation.py   which messages belong together, and a conversation as a document
mailbox.py        mbox files and maildir folders
imap.py           folders of an IMAP server
"""
