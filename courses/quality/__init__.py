"""精品课程: rounds with published criteria, a blind panel, a public notice, and the mark."""
