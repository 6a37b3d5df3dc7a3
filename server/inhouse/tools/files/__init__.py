"""Reading, listing, finding and ranking files, with their encodings."""
