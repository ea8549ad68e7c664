"""Where the query was taken, given its shortlist. One method, one file."""
