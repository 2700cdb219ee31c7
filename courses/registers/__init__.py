"""The pool of experts (专家师资库) and the textbooks (教材) that courses name."""
