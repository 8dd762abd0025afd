"""One account of the requests of a whole organisation, in a file that all its workers share."""
