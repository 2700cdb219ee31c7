"""知新 Zhixin: turns time really spent learning into credit hours that anyone can verify."""
