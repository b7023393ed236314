"""Who somebody is: a services account, or a nick!user@host for as long as it is in view."""
