"""What an endpoint says about itself: models, windows, tool support, locality, errors."""
