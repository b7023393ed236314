# Nothing is installed here any more.
apt-get clean
rm -rf /var/lib/apt/lists/*
