"""What detectors and readers find in what shards were sent."""
