"""What an editor offers while somebody writes a definition.

`features` has one handler for each request; each works on the text in the editor, accepts any file,
and returns nothing if the file is not a definition.
"""
