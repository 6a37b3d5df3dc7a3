"""Tools that Codebuff does not have: a file each, with all that is said of it in one `OwnTool`.

A file that is put here is a tool: nothing else lists them.
"""
