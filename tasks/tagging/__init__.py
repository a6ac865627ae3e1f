"""Tags: properties of examples by which errors are counted, given by a rule or by a person.

`rules` answers which rows a rule of the project tags. For people: `exports` draws the rows to ask
about, `answers` checks a file of answers, `said` keeps them, and `hand_tags` says who has each tag,
of whom that is known, and what each known row stands for.
"""
