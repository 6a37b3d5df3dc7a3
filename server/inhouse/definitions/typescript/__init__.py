"""TypeScript and JavaScript, read without running it."""
