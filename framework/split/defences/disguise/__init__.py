"""What is sent stays whole and is hidden among other things: order and decoys."""
