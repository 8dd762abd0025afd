"""What exports cost, beside other tools and what is promised."""
