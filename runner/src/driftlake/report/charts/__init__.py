"""The report's pictures: pure functions from what was asked to inline SVG; shapes and labels say what colours say."""
