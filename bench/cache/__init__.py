"""What is kept between runs, and the keys it is kept under."""
