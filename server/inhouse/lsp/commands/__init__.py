"""The commands of `workspace/executeCommand`: names, arguments and handlers."""
