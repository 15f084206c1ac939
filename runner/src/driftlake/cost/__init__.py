"""What a deployment costs a month: prices, assumptions and measured seconds in data files, arithmetic in `model`."""
