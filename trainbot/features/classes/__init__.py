"""Exercises: the scripts of classes.  ``model`` says what one is, ``formats`` reads them, ``library`` finds them."""
