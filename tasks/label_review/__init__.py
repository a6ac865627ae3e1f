"""What people say about labels: corrections, answers to a review, the rules that labels follow."""
