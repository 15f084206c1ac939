"""The shapes on which stages meet: raw contract versions, and one module per table."""
