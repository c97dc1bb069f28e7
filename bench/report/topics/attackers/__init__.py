"""What attackers are granted, and how they were trained."""
