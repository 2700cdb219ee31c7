"""Classes (班次): one run of a training, with its roster, sessions and attendance."""
