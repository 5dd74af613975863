"""What saved runs say when they are looked at again. Nobody is asked anything."""
