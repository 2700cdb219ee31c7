"""What became of a course: its author's figures. Nothing here singles out a person."""
