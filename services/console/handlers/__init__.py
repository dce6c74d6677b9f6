"""What people and the clock make the window do, one file each."""
