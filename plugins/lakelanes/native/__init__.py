"""The compiled half of both readers: its C sources, the library made from them, and how it is found; see README.md."""
