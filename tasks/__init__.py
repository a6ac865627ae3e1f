"""What each step of a run does: data and a section of the project in, a result out."""
