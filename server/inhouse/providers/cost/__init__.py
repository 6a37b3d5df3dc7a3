"""What tokens cost, and the budgets that stop a call before it would break them."""
