"""What the front door costs, beside nginx alone in its place."""
