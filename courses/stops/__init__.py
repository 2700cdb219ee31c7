"""Questions at which a video stops (弹题): asked of everybody at their moment, judged here."""
