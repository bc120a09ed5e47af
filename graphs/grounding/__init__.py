"""What an answer stands on: its sentences, figures, denials and links, held against those of its sources."""
