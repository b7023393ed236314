"""One module for each format; each turns a folder of files into an Exercise and a list of problems."""
