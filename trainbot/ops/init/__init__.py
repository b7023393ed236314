"""``trainbot init``: asks what a bot needs to know, looks at the network, and writes bot.ini and its folders."""
