"""Label maps: class tables, how classes are written in files, and what label maps say."""
