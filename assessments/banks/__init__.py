"""Question banks: questions by field, knowledge point and difficulty, reviewed before they are
drawn. Papers draw from them by a blueprint (``assessments.blueprints``)."""
