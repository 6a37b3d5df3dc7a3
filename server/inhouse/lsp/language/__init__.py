"""What an editor offers while somebody writes a definition.

`features` has one handler for each request; each works on the text as it is in the editor, may be
asked about any file, and answers nothing if a file is no definition.
"""
