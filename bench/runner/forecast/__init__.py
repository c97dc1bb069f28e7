"""How long a run takes and what it leaves on the disk, from rates measured before."""
