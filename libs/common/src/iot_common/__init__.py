"""What every stage shares: table contracts, the contract engine, metrics, input and output."""
