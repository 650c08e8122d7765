"""Tables and chats of others come in, drafts of facts with the place of each and files to write go out.

Nothing that is there is changed but by facts at its end, and nothing that was read is ever run.
"""
