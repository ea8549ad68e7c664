"""What is asked for: classes by label, town, cell or cluster; coordinates. One file each."""
