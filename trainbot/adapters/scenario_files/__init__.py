"""One module a format; each turns a folder of somebody's files into an Exercise and a list of Problems."""
