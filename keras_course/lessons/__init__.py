"""The lessons: handouts made of solutions, checks that know mistakes, and hints."""
