"""Which files a tool may touch: roots, protected and ignored files, safe opening."""
