"""What learners say of a course: one to five stars and words, once each, without names."""
