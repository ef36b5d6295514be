"""What people ask of the lake: read models of the page and the terminal."""
