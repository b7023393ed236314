# makes the package's /etc/trainbot/bot.ini from the example: its paths, and the gateway as a service
s|sqlite:///trainbot.db$|sqlite:////var/lib/trainbot/trainbot.db|
s|= state  *;|= /var/lib/trainbot/state ;|
s|= state/|= /var/lib/trainbot/state/|
s|^folder = public |folder = /var/lib/trainbot/public |
s|^; service = yes    |service = yes      |
s|(systemd/trainbot-gateway.service)|(trainbot-gateway.service)|
1s|.*|; trainbot's configuration.  Change what differs for you, then run, as the user trainbot: trainbot check|
