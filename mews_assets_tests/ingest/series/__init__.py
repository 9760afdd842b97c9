"""Series: the days that are due, answers that are matrices, and reading them over HTTP."""
