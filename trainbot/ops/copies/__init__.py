"""What a person does with copies of the whole installation: receive, restore, watch the first machine, take over."""
