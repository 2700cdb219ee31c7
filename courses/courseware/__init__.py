"""Interactive courseware (SCORM) of strangers: kept apart, played in a sandbox, its word a claim."""
