"""One module per format; each reads a folder of files into an Exercise and a list of problems."""
