"""Review in the making: the rule with its checklist, who judges, and what they remark."""
